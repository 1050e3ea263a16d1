import { mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RunError } from '../../core/errors.ts';
import { exists } from '../../storage/atomic.ts';
import { type FileLock, takeLock } from '../../storage/file-lock.ts';
import { onDisk } from '../files/disk-errors.ts';
import { runLayout, trashOf } from '../files/layout.ts';
import { refuseLinks } from '../files/names.ts';
import { requireRun } from '../files/require-run.ts';
import { lockedError } from './open-run.ts';

/**
 * Moves a run to `.trash` beside it and returns its folder there; `restoreRun` moves it back. Gradus never empties the
 * trash.
 *
 * @throws RunError (`RUN_LOCKED`) while a process is writing to the run.
 */
export async function trashRun(directory: string): Promise<string> {
  await requireRun(directory);
  const trash = trashOf(dirname(directory));
  return onDisk({ directory, doing: `moving ${directory} to the trash` }, async () => {
    using _lock = await lockRun(directory);
    await mkdir(trash, { recursive: true });
    const place = await freePlace(trash, basename(directory));
    await rename(directory, place);
    return place;
  });
}

/** Locks a run. Rejects a lock file that is a symbolic link out of the run, because locking creates the file. */
async function lockRun(directory: string): Promise<FileLock> {
  await refuseLinks(directory);
  const lock = takeLock(runLayout(directory).lock);
  if (lock === undefined) throw lockedError(directory);
  return lock;
}

/** Returns a free name in the trash, so that an earlier run with the same name stays there. */
async function freePlace(trash: string, folder: string): Promise<string> {
  let place = join(trash, folder);
  for (let n = 2; await exists(place); n++) place = join(trash, `${folder}-${n}`);
  return place;
}

/**
 * Moves a run from the trash back to its folder of runs. Returns its directory.
 *
 * @throws RunError (`RUN_NOT_FOUND`) if the run is not in the trash, `RUN_EXISTS` if another run has its name,
 * `RUN_LOCKED` while a process is writing to the run.
 */
export async function restoreRun(root: string, folder: string): Promise<string> {
  if (folder !== basename(folder) || folder.startsWith('.'))
    throw new RunError(`expected the folder of a run in ${trashOf(root)}, got ${JSON.stringify(folder)}`, {
      code: 'RUN_NOT_FOUND',
      tryNext: `gradus runs restore --runs ${root}`,
    });
  const place = join(trashOf(root), folder);
  const directory = join(root, folder);
  await requireRun(place);
  if (await exists(directory)) {
    throw new RunError(
      `${directory}: expected a free name, found a run; rename that folder, or the deleted run in ${place}`,
      { code: 'RUN_EXISTS', tryNext: `mv ${place} ${directory}-restored` },
    );
  }
  await onDisk({ directory, doing: `restoring ${directory}` }, async () => {
    using _lock = await lockRun(place);
    await rename(place, directory);
  });
  return directory;
}
