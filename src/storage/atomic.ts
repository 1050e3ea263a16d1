import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explainSystemError } from './system-error.ts';
import { makeFolder } from './make-folder.ts';

/*
 * Atomic writes of files and folders. Every function here guarantees:
 *
 * - After a kill or a power cut at any instruction, the path has either the complete old content or the complete new
 *   content.
 * - Once the call has returned, the new content survives a power cut: file and folder are synced to disk.
 * - A failed write throws, keeps the old content and removes its draft. File system errors are thrown as
 *   `StorageError`s.
 * - A killed process leaves at most one draft, `.tmp-<name>` in the same folder. The next write of that name replaces
 *   it, and `sweep` removes it.
 *
 * Devices and pipes, such as /dev/stdout, are written in place (`isWrittenInPlace`).
 *
 * One writer per name at a time: processes that could write the same name take a lock first (`file-lock.ts`).
 */

/** Prefix of the names of drafts. */
const draftPrefix = '.tmp-';

/** Sizes in bytes, keyed by path relative to the folder and sorted by path. */
export type FileSizes = Readonly<Record<string, number>>;

/** Replaces or creates one file, with content that is in memory. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  await writeAtomic(path, (file) => file.writeFile(content));
}

/**
 * The synchronous form of `writeFileAtomic`. Each process has a separate draft, so several processes may write the same
 * content.
 */
export function writeFileAtomicSync(path: string, content: Uint8Array): void {
  const draft = `${draftOf(path)}-${process.pid}`;
  try {
    rmSync(draft, { force: true });
    // "wx" never follows a symbolic link, as in `writeAtomic`.
    writeFileSync(draft, content, { flag: 'wx', flush: true });
    renameSync(draft, path);
    const folder = openSync(dirname(path), 'r');
    fsyncSync(folder);
    closeSync(folder);
  } catch (error) {
    rmSync(draft, { force: true });
    throw explainSystemError(error, path);
  }
}

/**
 * Replaces or creates one file with the content that `write` streams into it. Returns the result of
 * `write`.
 *
 * @param write receives the open draft, and its path, which some libraries need.
 */
export async function writeAtomic<T>(
  path: string,
  write: (file: FileHandle, draft: string) => Promise<T>,
): Promise<T> {
  const inPlace = isWrittenInPlace(path);
  const draft = inPlace ? path : draftOf(path);
  try {
    // "wx" never follows a symbolic link, which a crafted folder could contain in place of the draft.
    if (!inPlace) await rm(draft, { force: true });
    const file = await open(draft, inPlace ? 'w' : 'wx');
    let result: T;
    try {
      result = await write(file, draft);
      if (!inPlace) await file.sync();
    } finally {
      await file.close();
    }
    if (!inPlace) await renameDurably(draft, path);
    return result;
  } catch (error) {
    if (!inPlace) await rm(draft, { force: true });
    throw explainSystemError(error, path);
  }
}

/** Returns whether a path is a device or pipe, which a rename must not replace. */
export function isWrittenInPlace(path: string): boolean {
  try {
    const found = statSync(path);
    return !found.isFile() && !found.isDirectory();
  } catch {
    // If the path is missing or inaccessible, the write itself reports the error.
    return false;
  }
}

/**
 * Renames a finished draft to its final name. For writers that keep a draft between calls, such as a resumable
 * download.
 */
export async function publishDraft(draft: string, path: string): Promise<void> {
  try {
    await syncToDisk(draft);
    await renameDurably(draft, path);
  } catch (error) {
    throw explainSystemError(error, path);
  }
}

/**
 * Replaces or creates one folder with the files that `fill` writes into an empty draft folder. Between the two
 * renames of a replacement, the old folder is not at its path; a kill at that moment leaves it as `.tmp-<name>-old`,
 * and the next write of that name or `sweep` renames it back. Returns the sizes of all files in the folder.
 */
export async function writeFolderAtomic(
  path: string,
  fill: (draft: string) => Promise<void>,
): Promise<FileSizes> {
  const draft = draftOf(path);
  const old = oldOf(path);
  try {
    await restoreOld(path);
    await rm(draft, { recursive: true, force: true });
    await makeFolder(draft);
    await fill(draft);
    const sizes = await fileSizes(draft);
    await syncTree(draft);
    if (await exists(path)) await rename(path, old);
    await renameDurably(draft, path);
    await rm(old, { recursive: true, force: true });
    return sizes;
  } catch (error) {
    // Best effort: the next write or `sweep` tries again, and the caller receives the original error.
    await restoreOld(path).catch(() => undefined);
    await rm(draft, { recursive: true, force: true });
    throw explainSystemError(error, path);
  }
}

/**
 * Removes the entries in a folder whose names satisfy `isStale`, including drafts, and keeps all others. The old
 * folder of an interrupted replacement, `.tmp-<name>-old`, is renamed back if it is the only copy.
 * @returns the names that satisfy `isStale`.
 */
export async function sweep(folder: string, isStale: (name: string) => boolean): Promise<string[]> {
  const stale = (await readdir(folder)).filter(isStale);
  for (const name of stale) {
    const replaced = oldName.exec(name)?.[1];
    if (replaced === undefined) await rm(join(folder, name), { recursive: true, force: true });
    else await restoreOld(join(folder, replaced));
  }
  return stale;
}

/** Renames the old folder of an interrupted replacement back if `path` is missing; else removes it. */
async function restoreOld(path: string): Promise<void> {
  const old = oldOf(path);
  const found = await lstat(old).catch(() => undefined);
  // Never restore a link: the replaced folder was not a link, and a crafted one could point outside.
  if (found?.isDirectory() === true && !(await exists(path))) await renameDurably(old, path);
  else await rm(old, { recursive: true, force: true });
}

/** Returns the sizes of all files below a folder. */
export async function fileSizes(folder: string): Promise<FileSizes> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
  const sizes: Record<string, number> = {};
  for (const path of paths) sizes[path] = (await stat(join(folder, path))).size;
  return sizes;
}

/** Returns whether there is anything at `path`. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Returns the path of the draft that will become `path`. */
export function draftOf(path: string): string {
  return join(dirname(path), draftPrefix + basename(path));
}

const oldName = new RegExp(`^${draftPrefix.replace('.', '\\.')}(.+)-old$`);

/** Returns the path to which an old folder is moved while it is being replaced. */
const oldOf = (path: string): string => draftOf(`${path}-old`);

/** Syncs a folder and everything below it to the disk. */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    await (entry.isDirectory() ? syncTree(path) : syncToDisk(path));
  }
  await syncToDisk(folder);
}

/** Syncs one file, or the entries of one folder, to disk. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Renames within a folder. A rename survives a power cut only once its folder has been synced. */
async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncToDisk(dirname(to));
}
