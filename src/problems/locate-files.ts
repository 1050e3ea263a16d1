import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { FileRecord } from '../core/source-record.ts';
import { isHubAddress } from '../hub/address.ts';
import { hashFile, type OnDownload } from '../hub/download.ts';
import { type FetchOptions, fetchHubFiles } from '../hub/hub.ts';

/** Where a source's file is, for the schemas of sources. */
export const locationShape = {
  /** Relative to the recipe, or `hf://datasets/<owner>/<name>[@revision]/<file, pattern or split>`. */
  path: z.string().min(1),
  /** Of a hub address: refuse a revision that is not a commit, so that the recipe alone says what is read. */
  pinned: z.boolean().default(false),
  /** What the files must hold, in the order of their names; other content is an error. */
  sha256: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hex digits' }))
    .min(1)
    .optional(),
};

/** A file that problems are read from, wherever it came from. */
export interface DataFile {
  /** Where it is on this machine. */
  readonly file: string;
  /** How messages, records and problems call it: the path as given, or its address on the hub. */
  readonly name: string;
}

/** What a path was when it was read. */
export interface LocatedData {
  /** The commit that a hub address was; absent for files of this machine. */
  readonly commit?: string;
  readonly files: readonly DataFile[];
}

/** How a path is to be found. */
export interface LocateOptions {
  /** The commit to read a hub address at, whatever its revision is by now. */
  readonly commit?: string;
  /** Ask nobody: only what the cache holds. */
  readonly isOffline?: boolean;
  readonly onDownload?: OnDownload | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** As `locationShape` gives it. */
type Location = z.output<z.ZodObject<typeof locationShape>>;

/**
 * The files behind a path: one of this machine, relative to `baseDir`, or those of a `hf://` address, which are fetched
 * where the cache lacks them.
 *
 * @throws DataError when the hub has none, or a file is not the expected one.
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
      `${path}: expected ${expected.length} files, as many as "sha256" names, got ${files.length}`,
    );
  for (const [i, { file, name }] of files.entries()) {
    const found = (await recordOf({ file, name })).sha256;
    if (found !== expected[i])
      throw new DataError(
        `${name}: expected content with sha256 ${expected[i]}, got ${found}; it is another file`,
        {
          code: 'DATA_CHANGED',
          tryNext: `sha256sum ${file}`,
        },
      );
  }
}

/** Reads a file once to record it. Throws a `DataError` when it cannot be read. */
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
