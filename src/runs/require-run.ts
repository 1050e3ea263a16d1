import { RunError } from '../core/errors.ts';
import { exists } from './disk.ts';
import { runLayout } from './layout.ts';

/** Throws a `RunError` unless `directory` has the files of a run. */
export async function requireRun(directory: string): Promise<void> {
  const { database, recipe } = runLayout(directory);
  const found = (await exists(directory)) ? 'a folder that is not a run' : 'nothing there';
  if (!(await exists(database))) {
    throw new RunError(`${directory}: expected the folder of a run (with run.sqlite in it), found ${found}`, {
      code: 'RUN_NOT_FOUND',
      tryNext: 'gradus runs list',
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
