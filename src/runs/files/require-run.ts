import { access, constants, stat } from 'node:fs/promises';
import { RunError } from '../../core/errors.ts';
import { exists } from '../../storage/atomic.ts';
import { runLayout } from './layout.ts';

/** Throws a `RunError` unless `directory` contains the files of a run. */
export async function requireRun(directory: string): Promise<void> {
  const { database, recipe } = runLayout(directory);
  if (!(await exists(database))) {
    const { found, tryNext } = await lookAt(directory);
    throw new RunError(`${directory}: expected the folder of a run (with run.sqlite in it), found ${found}`, {
      code: 'RUN_NOT_FOUND',
      tryNext,
    });
  }
  if (!(await exists(recipe))) {
    throw new RunError(
      `${recipe}: expected the run's recipe, found nothing. Restore it from a copy or start a new run`,
      {
        code: 'RUN_CORRUPT',
        tryNext: 'gradus runs list',
      },
    );
  }
}

/**
 * Describes what is at a path that is not a run. Only its owner can open a run: other users see the folder but not its
 * content.
 */
async function lookAt(directory: string): Promise<{ readonly found: string; readonly tryNext: string }> {
  const code = await access(directory, constants.X_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (code === 'ENOENT') return { found: 'nothing there', tryNext: 'gradus runs list' };
  if (code === 'EACCES' && (await isFolder(directory)))
    return {
      found: 'a run that this user may not open; ask its owner for access',
      tryNext: `ls -ld ${directory}`,
    };
  return { found: 'a folder that is not a run', tryNext: 'gradus runs list' };
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
