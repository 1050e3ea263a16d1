import { readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { draftOf, publishDraft, writeFileAtomic } from '../storage/atomic.ts';
import { DataError } from '../core/errors.ts';
import { type HubAddress, isInside } from './address.ts';
import { makeFolder } from '../storage/make-folder.ts';

/*
 * The cache that Hugging Face's tools share (https://huggingface.co/docs/hub/local-cache): a model that a Python tool
 * has fetched is not fetched again, and Python tools find what Gradus fetches.
 *
 *   <cache>/
 *     models--owner--name/, datasets--owner--name/
 *       blobs/<etag>                         content, by sha256 (git-lfs) or git's sha1 (small files)
 *       blobs/<etag>.gradus.incomplete       content of a download in progress; only Gradus uses this name
 *       refs/<revision>                      commit of a branch or tag at the last lookup
 *       snapshots/<commit>/<path>            links to blobs, or files where links are not supported
 *       trees/<commit>.json                  all files of a commit with sizes and etags, as huggingface_hub 2 writes
 * them
 *     .locks/<repository>/<name>.gradus.lock
 *
 * Readers trust a blob with the right name and size, so a download gets that name only after its hash has been checked.
 */

/**
 * Returns the cache folder, from the variables that huggingface_hub reads: `HF_HUB_CACHE`, else `hub` in `HF_HOME`,
 * else `huggingface/hub` in the user's cache folder. `~` and `$NAME` in them are expanded.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv): string {
  const expand = (path: string): string =>
    path
      .replace(/^~(?=$|\/)/, homedir())
      .replaceAll(/\$\{(\w+)\}|\$(\w+)/g, (text, a, b) => environment[String(a ?? b)] ?? text);
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = environment;
  const own = HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE;
  if (own) return expand(own);
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  return join(expand(home), 'hub');
}

/** Paths of one repository in the cache. */
export interface CachedRepository {
  readonly blob: (etag: string) => string;
  /** Folder with the files of a commit under their paths. */
  readonly snapshot: (commit: string) => string;
  /** @throws DataError if the revision's path would lie outside the folder. */
  readonly reference: (revision: string) => string;
  readonly tree: (commit: string) => string;
  readonly lock: (name: string) => string;
}

/** Returns the paths of a repository; creates nothing. */
export function cachedRepository(cache: string, { kind, repository }: HubAddress): CachedRepository {
  const name = `${kind}s--${repository.replace('/', '--')}`;
  const folder = join(cache, name);
  return {
    blob: (etag) => join(folder, 'blobs', etag),
    snapshot: (commit) => join(folder, 'snapshots', commit),
    reference: (revision) => join(folder, 'refs', requireInside(revision)),
    tree: (commit) => join(folder, 'trees', `${commit}.json`),
    lock: (file) => join(cache, '.locks', name, `${file}.gradus.lock`),
  };
}

function requireInside(revision: string): string {
  if (revision !== '' && isInside(revision)) return revision;
  throw new DataError(
    `expected a branch, a tag or a commit as the revision, got ${JSON.stringify(revision)}, which is a path outside the cache`,
    { code: 'HUB_REVISION_INVALID' },
  );
}

/** Writes a small file atomically, unless it has that content already: an up-to-date cache may be read-only. */
export async function writeIfChanged(path: string, text: string): Promise<void> {
  if ((await readIfExists(path)) === text) return;
  await makeFolder(dirname(path));
  await writeFileAtomic(path, text);
}

/** Returns the content of a file, or `undefined` if it does not exist. */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Returns the size of a file in bytes, following links, or `undefined` if it does not exist. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

/** Links a path in a snapshot to its blob, replacing a broken link. Call it under the lock of the blob. */
export async function linkToBlob(blob: string, path: string): Promise<void> {
  const draft = draftOf(path);
  await makeFolder(dirname(path));
  await rm(draft, { force: true });
  await symlink(relative(dirname(path), blob), draft);
  await publishDraft(draft, path);
}

/** Returns paths and sizes of the files in a snapshot folder; empty if the folder does not exist. */
export async function snapshotFiles(
  folder: string,
): Promise<{ readonly path: string; readonly size: number }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = [];
  for (const entry of entries.filter((one) => !one.isDirectory())) {
    const file = join(entry.parentPath, entry.name);
    const size = await sizeOf(file);
    if (size !== undefined) files.push({ path: relative(folder, file), size });
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
