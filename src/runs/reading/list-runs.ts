import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GradusError, RunError } from '../../core/errors.ts';
import { type Annotations, readAnnotations } from '../files/annotations.ts';
import { exists } from '../../storage/atomic.ts';
import { runLayout } from '../files/layout.ts';
import { openRunReader } from './run-reader.ts';
import type { RunSummary } from './run-rows.ts';

/** A run in a folder, or the error that prevents reading it, so that one damaged run does not hide the others. */
export type RunListing =
  | { readonly folder: string; readonly summary: RunSummary; readonly annotations: Annotations }
  | { readonly folder: string; readonly problem: string };

/**
 * Returns all runs in `root`, sorted by folder name; empty if the folder does not exist.
 * @throws RunError (`RUN_NOT_FOUND`) if `root` is a file.
 */
export async function listRuns(root: string): Promise<RunListing[]> {
  if (!(await exists(root))) return [];
  if (!(await stat(root)).isDirectory()) {
    throw new RunError(`${root}: expected a folder of runs, found a file`, {
      code: 'RUN_NOT_FOUND',
      tryNext: 'gradus runs list',
    });
  }
  const folders = (await readdir(root)).filter((folder) => !folder.startsWith('.')).toSorted();
  const listings: RunListing[] = [];
  for (const folder of folders) {
    const directory = join(root, folder);
    if (await exists(runLayout(directory).database)) listings.push(await listRun(directory, folder));
  }
  return listings;
}

async function listRun(directory: string, folder: string): Promise<RunListing> {
  try {
    using reader = await openRunReader(directory);
    return { folder, summary: reader.summary(), annotations: await readAnnotations(directory) };
  } catch (error) {
    if (GradusError.isInstance(error)) return { folder, problem: error.message };
    throw error;
  }
}
