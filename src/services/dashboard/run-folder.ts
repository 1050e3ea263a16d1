import { isAbsolute, join, relative, sep } from 'node:path';
import { RunError } from '../../core/errors.ts';
import { onDisk } from '../../runs/files/disk-errors.ts';
import { openRunReader, type RunReader } from '../../runs/reading/run-reader.ts';

/** Creates the error for a run, group or problem that does not exist; the response has status 404. */
export function notFound(message: string): RunError {
  return new RunError(message, { code: 'RUN_NOT_FOUND' });
}

/**
 * Resolves the folder name in a URL to the directory of a run, never to one outside `root`.
 *
 * @throws RunError (`RUN_NOT_FOUND`) for any other name.
 */
export function runDirectory(root: string, folder: string): string {
  const inside = relative(root, join(root, folder));
  const isOutside = inside === '' || isAbsolute(inside) || inside.includes(sep) || inside.startsWith('.');
  if (isOutside || folder.includes('\0'))
    throw notFound(`expected the name of a run folder in ${root}, got ${JSON.stringify(folder)}`);
  return join(root, inside);
}

/**
 * Opens a run for one view and closes it afterwards, so that the dashboard does not keep files open that a writer
 * deletes.
 */
export async function withRun<T>(directory: string, view: (run: RunReader) => T | Promise<T>): Promise<T> {
  using run = await openRunReader(directory);
  return await onDisk({ directory, doing: `reading ${directory}` }, () => view(run));
}
