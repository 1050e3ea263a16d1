import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { FileRecord } from '../core/source-record.ts';
import { isHubAddress } from '../hub/address.ts';
import { hashFile, type OnDownload } from '../hub/download.ts';
import { type FetchOptions, fetchHubFiles } from '../hub/hub.ts';

/** Schema fields that locate the files of a source. */
export const locationShape = {
  /** Relative to the recipe, or `hf://datasets/<owner>/<name>[@revision]/<file, pattern or split>`. */
  path: z.string().min(1),
  /** Requires the revision of a hub address to be a commit, so that the recipe alone determines the data. */
  pinned: z.boolean().default(false),
  /** Expected SHA-256 digests, in the order of the file names; a different digest causes an error. */
  sha256: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hex digits' }))
    .min(1)
    .optional(),
};

/** A local file of problems, possibly downloaded from a hub. */
export interface DataFile {
  /** Its local path. */
  readonly file: string;
  /** Its name in messages, records and problems: the path as given, or its hub address. */
  readonly name: string;
}

/** The files to which a path resolved. */
export interface LocatedData {
  /** The commit to which a hub address resolved; absent for local files. */
  readonly commit?: string;
  readonly files: readonly DataFile[];
}

/** Options for resolving a path. */
export interface LocateOptions {
  /** Reads a hub address at this commit instead of its current revision. */
  readonly commit?: string;
  /** Reads from the cache only, without network access. */
  readonly isOffline?: boolean;
  readonly onDownload?: OnDownload | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The parsed form of `locationShape`. */
type Location = z.output<z.ZodObject<typeof locationShape>>;

/**
 * Resolves a path to its files: one local file, relative to `baseDir`, or the files of an `hf://` address, which are
 * downloaded unless cached.
 *
 * @throws DataError if the hub has no such files, or if a digest differs from `sha256`.
 */
export async function locateData(
  { path, pinned, sha256 }: Location,
  baseDir: string,
  options: LocateOptions = {},
): Promise<LocatedData> {
  const located = isHubAddress(path)
    ? await locateOnHub(path, { pinned, ...options })
    : { files: [{ file: resolve(baseDir, path), name: path }] };
  if (sha256 !== undefined) await checkContent(path, located.files, sha256);
  return located;
}

async function locateOnHub(path: string, options: FetchOptions): Promise<LocatedData> {
  const { commit, files } = await fetchHubFiles(path, options);
  return { commit, files: files.map(({ address, file }) => ({ file, name: address })) };
}

async function checkContent(
  path: string,
  files: readonly DataFile[],
  expected: readonly string[],
): Promise<void> {
  if (files.length !== expected.length)
    throw new DataError(
      `${path}: expected ${expected.length} files, one for each digest in "sha256", got ${files.length}`,
    );
  for (const [i, { file, name }] of files.entries()) {
    const found = (await recordOf({ file, name })).sha256;
    if (found !== expected[i])
      throw new DataError(
        `${name}: expected content with sha256 ${expected[i]}, got ${found}; the file has changed`,
        {
          code: 'DATA_CHANGED',
          tryNext: `sha256sum ${file}`,
        },
      );
  }
}

/** Returns the record of a file, with its hash. Throws a `DataError` if the file cannot be read. */
export async function recordOf({ file, name }: DataFile): Promise<FileRecord> {
  try {
    return { name, sha256: await hashFile(file), bytes: (await stat(file)).size };
  } catch (cause) {
    throw new DataError(`${name}: expected a readable file, got ${(cause as Error).message}`, {
      cause,
      tryNext: `ls -l ${file}`,
    });
  }
}
