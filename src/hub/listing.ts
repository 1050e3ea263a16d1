import * as z from 'zod';
import { isInside } from './address.ts';
import { type CachedRepository, readIfExists, snapshotFiles, writeIfChanged } from './cache.ts';

/** A file of a commit. */
export interface ListedFile {
  readonly path: string;
  /** Size in bytes. */
  readonly size: number;
  /**
   * Name of the blob: sha256 of the content for git-lfs (64 hex digits), else git's sha1 of it (40). Absent in a
   * listing made from a snapshot.
   */
  readonly etag?: string;
}

/** All files of a repository at one commit. Their content never changes. */
export interface Listing {
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

const hex = (length: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const filePath = z.string().min(1).refine(isInside, { error: 'expected a path inside the repository' });
const bytes = z.int().min(0);

/** The hub's response about a revision, with `?blobs=true`. */
export const hubAnswer = z.object({
  sha: hex(40),
  siblings: z.array(
    z.object({
      rfilename: filePath,
      size: bytes,
      blobId: hex(40),
      lfs: z.object({ sha256: hex(64), size: bytes }).nullish(),
    }),
  ),
});

/** `trees/<commit>.json` of huggingface_hub; fields that it adds, such as `xet_hash`, are ignored. */
const treeFile = z.object({
  format_version: z.literal(1),
  files: z.record(
    filePath,
    z.object({
      size: bytes,
      blob_id: hex(40),
      lfs_sha256: hex(64).nullish(),
      lfs_size: bytes.nullish(),
    }),
  ),
});

/** Reads the listing of a commit from its tree file; returns `undefined` if the file is missing or damaged. */
export async function readTree(repository: CachedRepository, commit: string): Promise<Listing | undefined> {
  const parsed = treeFile.safeParse(jsonOrUndefined(await readIfExists(repository.tree(commit))));
  if (!parsed.success) return undefined;
  const files = Object.entries(parsed.data.files).map(([path, file]) => ({
    path,
    size: file.lfs_size ?? file.size,
    etag: file.lfs_sha256 ?? file.blob_id,
  }));
  return { commit, files };
}

/** Writes the tree file of a commit, unless a valid one exists: another tool may have written more fields to it. */
export async function writeTree(
  repository: CachedRepository,
  { sha, siblings }: z.output<typeof hubAnswer>,
): Promise<void> {
  if ((await readTree(repository, sha)) !== undefined) return;
  const files = Object.fromEntries(
    siblings.map(({ rfilename, size, blobId: blob_id, lfs }) => [
      rfilename,
      { size, blob_id, ...(lfs && { lfs_sha256: lfs.sha256, lfs_size: lfs.size }) },
    ]),
  );
  await writeIfChanged(repository.tree(sha), JSON.stringify({ format_version: 1, files }));
}

/** Lists the fetched files of a commit from its snapshot folder, for offline use without a tree file. */
export async function listSnapshot(
  repository: CachedRepository,
  commit: string,
): Promise<Listing | undefined> {
  const files = await snapshotFiles(repository.snapshot(commit));
  return files.length === 0 ? undefined : { commit, files };
}

function jsonOrUndefined(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
