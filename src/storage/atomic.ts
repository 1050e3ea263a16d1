import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writing so that a kill or a power cut at any instruction leaves either the old state or the new one: everything is
 * written under a temporary name, forced to the disk, and then renamed.
 */

/** Names starting with this are unfinished work and may be removed by whoever holds the run's lock. */
const temporary = '.tmp-';

/** Sizes in bytes by path relative to the folder they are in, sorted by path. */
export type FileSizes = Readonly<Record<string, number>>;

/** Replaces or creates one file. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const draft = temporaryFor(path);
  try {
    await writeFile(draft, content);
    await syncToDisk(draft);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncToDisk(dirname(path));
}

/**
 * Replaces or creates one folder with what `fill` writes into the empty folder it is given.
 * Returns the sizes of all files in it.
 */
export async function writeFolderAtomic(
  path: string,
  fill: (draft: string) => Promise<void>,
): Promise<FileSizes> {
  const draft = temporaryFor(path);
  const old = temporaryFor(`${path}-old`);
  await rm(draft, { recursive: true, force: true });
  try {
    await mkdir(draft, { recursive: true });
    await fill(draft);
    const sizes = await fileSizes(draft);
    await syncTree(draft);
    if (await exists(path)) await moveOver(path, old);
    await rename(draft, path);
    await syncToDisk(dirname(path));
    await rm(old, { recursive: true, force: true });
    return sizes;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Removes what is in `folder` and does not satisfy `isWanted`: unfinished work, and what no record speaks of. */
export async function sweep(folder: string, isWanted: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(temporary) || !isWanted(name)) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** Sizes of all files below `folder`. */
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

/** Whether there is anything at `path`. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function temporaryFor(path: string): string {
  return join(dirname(path), temporary + basename(path));
}

async function moveOver(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await rename(from, to);
}

/** Forces a folder and everything below it to the disk. */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    await (entry.isDirectory() ? syncTree(path) : syncToDisk(path));
  }
  await syncToDisk(folder);
}

/** Forces one file or one folder's list of names to the disk: a rename survives a power cut only once its folder was synced. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
