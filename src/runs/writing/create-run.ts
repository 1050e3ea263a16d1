import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../../core/errors.ts';
import type { DataRecord } from '../../core/source-record.ts';
import { closeInOneFile } from '../../storage/sqlite.ts';
import { onDisk } from '../files/disk-errors.ts';
import { syncToDisk, syncTree } from '../../storage/atomic.ts';
import { runDirectoryName, runLayout, runNumber, trashOf } from '../files/layout.ts';
import { originOf } from '../files/origin.ts';
import { openRun, type RunSurroundings, systemClock } from './open-run.ts';
import type { RunParent } from '../files/records.ts';
import { recipeFile } from '../files/recipe-file.ts';
import type { Run } from './run.ts';
import { createDatabase } from '../files/schema.ts';
import { makeFolder } from '../../storage/make-folder.ts';

/** Options of a new run. */
export interface NewRun {
  /** First part of the folder's name; may contain letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** The resolved recipe, JSON-safe. */
  readonly recipe: unknown;
  readonly seed: number;
  /** Files of the run's problems; absent if they are not recorded. */
  readonly data?: DataRecord;
  readonly parent?: RunParent;
}

/**
 * Creates `<root>/<name>-<nnnn>` with the next free number and opens it. Atomic: if the process is killed, either the
 * complete run exists or no folder with that name.
 */
export async function createRun(root: string, run: NewRun, surroundings: RunSurroundings = {}): Promise<Run> {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(run.name)) {
    throw new RunError(
      `expected a run name of letters, digits, ".", "_" and "-", starting with a letter or digit, got ${JSON.stringify(run.name)}`,
      { code: 'RUN_NAME', tryNext: 'gradus train <recipe> --name my-run' },
    );
  }
  const created = await onDisk({ directory: root, doing: `creating a run in ${root}` }, async () => {
    await makeFolder(root);
    const draft = await mkdtemp(join(root, '.tmp-run-'));
    try {
      await writeNewRun(draft, run, surroundings.clock ?? systemClock);
      await syncTree(draft);
      const directory = await renameToNextNumber(root, run.name, draft);
      await syncToDisk(root);
      return directory;
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
  });
  return openRun(created, surroundings);
}

async function writeNewRun(draft: string, run: NewRun, clock: () => Date): Promise<void> {
  const layout = runLayout(draft);
  const file = recipeFile(run.recipe);
  await writeFile(layout.recipe, `${JSON.stringify(file, null, 2)}\n`);
  if (run.data !== undefined) await writeFile(layout.data, `${JSON.stringify(run.data, null, 2)}\n`);
  const id = randomUUID();
  const origin = await originOf(id, file.hash);
  if (origin !== undefined) await writeFile(layout.origin, `${origin}\n`);
  await writeFile(layout.lock, '');
  await mkdir(layout.rollouts);
  await mkdir(layout.checkpoints);
  const database = createDatabase(layout.database);
  try {
    database
      .prepare(
        "INSERT INTO run (id, name, recipe_hash, seed, parent, status, created_at) VALUES (?, ?, ?, ?, ?, 'running', ?)",
      )
      .run(
        id,
        run.name,
        file.hash,
        run.seed,
        run.parent === undefined ? null : JSON.stringify(run.parent),
        clock().toISOString(),
      );
  } finally {
    closeInOneFile(database);
  }
}

/**
 * Renames the draft to the next free number. Renaming fails if another process took the number; the next one is then
 * tried.
 */
async function renameToNextNumber(root: string, name: string, draft: string): Promise<string> {
  // Skip the numbers of runs in the trash, so that these can be restored.
  const trashed = await readdir(trashOf(root)).catch(() => []);
  const used = [...(await readdir(root)), ...trashed].map((folder) => runNumber(name, folder) ?? 0);
  for (let number = Math.max(0, ...used) + 1; ; number++) {
    const directory = join(root, runDirectoryName(name, number));
    try {
      await rename(draft, directory);
      return directory;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw error;
    }
  }
}
