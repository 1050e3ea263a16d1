import { mkdir, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { DatabaseSync } from 'node:sqlite';
import { RunError } from '../../core/errors.ts';
import { chooseCheckpoint, type CheckpointChoice } from './checkpoint-folder.ts';
import { onDisk } from '../files/disk-errors.ts';
import { sweep } from '../../storage/atomic.ts';
import { readCheckpoints } from '../files/checkpoint-rows.ts';
import { startMarks, truncateTo } from './journal.ts';
import { runLayout } from '../files/layout.ts';
import { takeLock } from '../../storage/file-lock.ts';
import { closeInOneFile, inTransaction } from '../../storage/sqlite.ts';
import { readProvenance } from './provenance.ts';
import { readRecipeFile } from '../files/recipe-file.ts';
import { requireRun } from '../files/require-run.ts';
import { Run } from './run.ts';
import { openDatabase, openDatabaseReadOnly } from '../files/schema.ts';

/** What a run takes from the world around it. */
export interface RunSurroundings {
  /** For the columns that say when; nothing depends on it. Default: the system's clock. */
  readonly clock?: () => Date;
}

/** The default of `RunSurroundings.clock`. */
export function systemClock(): Date {
  return new Date();
}

/**
 * Opens a run to continue it: takes its lock, finds the newest whole checkpoint, and removes whatever was recorded
 * after it, to be computed again. Throws a `RunError` with a `tryNext` when the run is missing, damaged, written by
 * another process, finished, or its recipe was edited.
 */
export async function openRun(
  directory: string,
  { clock = systemClock }: RunSurroundings = {},
): Promise<Run> {
  await requireRun(directory);
  return onDisk({ directory, doing: `opening ${directory}` }, async () => {
    const lock = takeLock(runLayout(directory).lock);
    if (lock === undefined) throw lockedError(directory);
    try {
      return await openLocked(directory, clock, lock);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  });
}

async function openLocked(directory: string, clock: () => Date, lock: Disposable): Promise<Run> {
  const layout = runLayout(directory);
  const database = openDatabase(layout.database);
  try {
    const facts = readFacts(database, directory);
    if (facts.status === 'finished') throw finishedError(directory, facts.endedAt);
    const { recipe } = await readRecipeFile(layout.recipe, facts.recipeHash);
    const choice = await chooseCheckpoint(layout.checkpoints, readCheckpoints(database));
    const session = await startSession(database, choice, clock);
    const lost = await sweepUnrecorded(directory, database);
    return new Run({
      directory,
      database,
      lock,
      session,
      recipe,
      seed: facts.seed,
      damage: [...choice.skipped, ...lost],
      clock,
    });
  } catch (error) {
    closeInOneFile(database);
    throw error;
  }
}

async function startSession(
  database: DatabaseSync,
  { chosen, skipped }: CheckpointChoice,
  clock: () => Date,
) {
  const { packageVersion, gitCommit } = await readProvenance(process.cwd());
  const resumedStep = chosen?.step ?? 0;
  const at = clock().toISOString();
  return inTransaction(database, () => {
    truncateTo(database, chosen?.marks ?? startMarks);
    database.prepare('DELETE FROM checkpoints WHERE id > ?').run(chosen?.id ?? 0);
    database.prepare("UPDATE run SET status = 'running', reason = NULL, ended_at = NULL").run();
    const { lastInsertRowid } = database
      .prepare(
        `INSERT INTO sessions (pid, host, platform, package_version, git_commit, resumed_step, skipped, started_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        process.pid,
        hostname(),
        `${process.platform}-${process.arch} node ${process.version}`,
        packageVersion,
        gitCommit,
        resumedStep,
        JSON.stringify(skipped),
        at,
      );
    return Number(lastInsertRowid);
  });
}

/**
 * Removes files of rows that are gone and what a killed process was in the middle of writing.
 * @returns sentences on files that rows speak of and that are gone.
 */
async function sweepUnrecorded(directory: string, database: DatabaseSync): Promise<string[]> {
  const layout = runLayout(directory);
  const column = (query: string): Set<string> =>
    new Set(
      database
        .prepare(query)
        .all()
        .map((row) => String(row['name'])),
    );
  const shards = column('SELECT file AS name FROM shards');
  const checkpoints = column('SELECT folder AS name FROM checkpoints');
  for (const folder of [layout.rollouts, layout.checkpoints]) await mkdir(folder, { recursive: true });
  await sweep(layout.rollouts, (name) => shards.has(name));
  await sweep(layout.checkpoints, (name) => checkpoints.has(name));
  await sweep(directory, () => true);
  const present = new Set(await readdir(layout.rollouts));
  const gone = [...shards].filter((file) => !present.has(file));
  if (gone.length === 0) return [];
  return [
    `rollouts: ${gone.length} of ${shards.size} files are gone, such as ${gone[0]}; the run goes on, but nobody can look into them any more`,
  ];
}

function readFacts(database: DatabaseSync, directory: string) {
  const row = database.prepare('SELECT recipe_hash, seed, status, ended_at FROM run').get();
  if (row === undefined) {
    throw new RunError(
      `${directory}: expected run.sqlite to describe one run, found it empty; start a new run`,
      {
        code: 'RUN_CORRUPT',
        tryNext: 'gradus runs list',
      },
    );
  }
  return {
    recipeHash: String(row['recipe_hash']),
    seed: Number(row['seed']),
    status: String(row['status']),
    endedAt: String(row['ended_at']),
  };
}

function lockedError(directory: string): RunError {
  const database = openDatabaseReadOnly(runLayout(directory).database);
  try {
    const holder = database
      .prepare('SELECT pid, host, started_at FROM sessions ORDER BY id DESC LIMIT 1')
      .get();
    const who =
      holder === undefined
        ? 'another process'
        : `process ${String(holder['pid'])} on ${String(holder['host'])} since ${String(holder['started_at'])}`;
    return new RunError(
      `${directory}: expected to be the only one writing to this run, but ${who} has it open. Wait for it, or stop it and resume`,
      { code: 'RUN_LOCKED', tryNext: `gradus runs show ${directory}` },
    );
  } finally {
    database.close();
  }
}

function finishedError(directory: string, endedAt: string): RunError {
  return new RunError(
    `${directory}: expected a run to continue, got one that finished at ${endedAt}. Start a new run to train further`,
    { code: 'RUN_FINISHED', tryNext: `gradus runs show ${directory}` },
  );
}
