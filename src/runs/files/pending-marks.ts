import { closeSync, openSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { markedName, markOf } from './names.ts';

/*
 * Marks files and folders whose row is not yet committed or was deleted, each with an empty file
 * `.tmp-<name>-pending` beside it. A resumed run removes only marked names without a row, so a user's file that has the
 * name of a shard or checkpoint is kept.
 */

/** Marks a name in a folder. Call it before the file gets that name, or before its row is deleted. */
export function mark(folder: string, name: string): void {
  try {
    // "wx" never follows a symbolic link, which a crafted run may contain.
    closeSync(openSync(join(folder, markOf(name)), 'wx'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Removes the marker file of a name whose row is committed. */
export const unmark = (folder: string, name: string): Promise<void> =>
  rm(join(folder, markOf(name)), { force: true });

/** Returns the marked names in a folder. */
export async function markedNames(folder: string): Promise<Set<string>> {
  const names = (await readdir(folder)).map(markedName);
  return new Set(names.filter((name) => name !== undefined));
}
