import { isAbsolute, join, relative, sep } from 'node:path';
import { onDisk } from '../../runs/files/disk-errors.ts';
import { openRunReader, type RunReader } from '../../runs/reading/run-reader.ts';
import { notFound } from './not-found.ts';

/**
 * The directory of a run by its folder's name, as an address gives it: never one outside of `root`.
 *
 * @throws RunError (`RUN_NOT_FOUND`) for any other name.
 */
export function runDirectory(root: string, folder: string): string {
  const inside = relative(root, join(root, folder));
  const isOutside = inside === '' || isAbsolute(inside) || inside.includes(sep) || inside.startsWith('.');
  if (isOutside || folder.includes('\0'))
    throw notFound(`expected the name of a run in ${root}, got ${JSON.stringify(folder)}`);
  return join(root, inside);
}

/** Opens a run for one view and closes it: nothing keeps a writer from tidying up its files. */
export async function withRun<T>(directory: string, view: (run: RunReader) => T | Promise<T>): Promise<T> {
  using run = await openRunReader(directory);
  return await onDisk({ directory, doing: `reading ${directory}` }, () => view(run));
}
