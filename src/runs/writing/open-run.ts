import { mkdir, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { DatabaseSync } from 'node:sqlite';
import { RunError } from '../../core/errors.ts';
import { join } from 'node:path';
import {
  type Checkpoint,
  type CheckpointChoice,
  chooseCheckpoint,
  readCheckpointFolder,
} from './checkpoint-folder.ts';
import { onDisk } from '../files/disk-errors.ts';
import { sweep } from '../../storage/atomic.ts';
import { readCheckpoints } from '../files/checkpoint-rows.ts';
import { startMarks, truncateTo } from './journal.ts';
import { type RunLayout, runLayout } from '../files/layout.ts';
import {
  isCheckpointDraft,
  isCheckpointName,
  isRootDraft,
  isShardDraft,
  isShardName,
  refuseLinks,
  requireName,
} from '../files/names.ts';
import { takeLock } from '../../storage/file-lock.ts';
import { closeInOneFile, inTransaction } from '../../storage/sqlite.ts';
import { readProvenance } from './provenance.ts';
import { readRecipeFile } from '../files/recipe-file.ts';
import { requireRun } from '../files/require-run.ts';
import { Run } from './run.ts';
import { openDatabase, openDatabaseReadOnly } from '../files/schema.ts';

/** Dependencies of a run. */
export interface RunSurroundings {
  /** Clock for the `*_at` columns; nothing else depends on it. Default: the system's clock. */
  readonly clock?: () => Date;
}

/** State that a run would continue from. */
export interface Continuation {
  /** `RunSummary.id`. */
  readonly id: string;
  /** sha256 of the JSON of `recipe`. */
  readonly recipeHash: string;
  /** The resolved recipe. */
  readonly recipe: unknown;
  /** Absent: from the beginning. */
  readonly checkpoint: Checkpoint | undefined;
}

/** Options of opening a run. */
export interface OpenRunOptions extends RunSurroundings {
  /** Called under the lock before any change; throwing leaves the run unchanged. */
  readonly admit?: (continuation: Continuation) => Promise<void>;
}

/** Default of `RunSurroundings.clock`. */
export function systemClock(): Date {
  return new Date();
}

/**
 * Opens a run to continue it: takes its lock, finds the newest complete checkpoint, calls `admit`, and only then
 * removes everything recorded after that checkpoint, to be computed again.
 *
 * @throws RunError with a `tryNext` when the run is missing, damaged, locked by another process, finished, or its
 * recipe was edited; nothing is changed then.
 */
export async function openRun(
  directory: string,
  { clock = systemClock, admit }: OpenRunOptions = {},
): Promise<Run> {
  await requireRun(directory);
  const { directory: _, ...parts } = runLayout(directory);
  await refuseLinks([...Object.values(parts), join(directory, 'pass-rates.sqlite')]);
  return onDisk({ directory, doing: `opening ${directory}` }, async () => {
    const lock = takeLock(runLayout(directory).lock);
    if (lock === undefined) throw lockedError(directory);
    try {
      return await openLocked(directory, { clock, admit }, lock);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  });
}

async function openLocked(
  directory: string,
  { clock, admit }: { readonly clock: () => Date; readonly admit: OpenRunOptions['admit'] },
  lock: Disposable,
): Promise<Run> {
  const layout = runLayout(directory);
  const database = openDatabase(layout.database);
  try {
    const facts = readFacts(database, directory);
    if (facts.status === 'finished') throw finishedError(directory, facts.endedAt);
    const { recipe } = await readRecipeFile(layout.recipe, facts.recipeHash);
    const choice = await chooseCheckpoint(layout.checkpoints, readCheckpoints(database));
    const checkpoint = await checkpointOf(layout, choice);
    await admit?.({ id: facts.id, recipeHash: facts.recipeHash, recipe, checkpoint });
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

async function checkpointOf(
  { checkpoints }: RunLayout,
  { chosen }: CheckpointChoice,
): Promise<Checkpoint | undefined> {
  return chosen && readCheckpointFolder(join(checkpoints, chosen.folder), chosen.step);
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
 * Removes shards and checkpoints without a row, and drafts of a killed process. Only removes names that Gradus gives; a
 * user's own files stay.
 *
 * @returns sentences about removed files and missing shards.
 */
async function sweepUnrecorded(directory: string, database: DatabaseSync): Promise<string[]> {
  const layout = runLayout(directory);
  const column = (query: string, isKnown: (name: string) => boolean): Set<string> =>
    new Set(
      database
        .prepare(query)
        .all()
        .map((row) => requireName(directory, String(row['name']), isKnown)),
    );
  const shards = column('SELECT file AS name FROM shards', isShardName);
  const checkpoints = column('SELECT folder AS name FROM checkpoints', isCheckpointName);
  for (const folder of [layout.rollouts, layout.checkpoints]) await mkdir(folder, { recursive: true });
  const removed = [
    ...(await sweep(layout.rollouts, (name) => isShardName(name) && !shards.has(name))),
    ...(await sweep(layout.checkpoints, (name) => isCheckpointName(name) && !checkpoints.has(name))),
  ];
  await sweep(layout.rollouts, isShardDraft);
  await sweep(layout.checkpoints, isCheckpointDraft);
  await sweep(directory, isRootDraft);
  const present = new Set(await readdir(layout.rollouts));
  const missing = [...shards].filter((file) => !present.has(file));
  return [
    ...(removed.length === 0
      ? []
      : [`removed ${removed.join(', ')}: recorded after the last checkpoint, to be computed again`]),
    ...(missing.length === 0
      ? []
      : [
          `rollouts: ${missing.length} of ${shards.size} files are missing, such as ${missing[0]}; the run continues without them`,
        ]),
  ];
}

function readFacts(database: DatabaseSync, directory: string) {
  const row = database.prepare('SELECT id, recipe_hash, seed, status, ended_at FROM run').get();
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
    id: String(row['id']),
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
      `${directory}: expected no other process to write to this run, but ${who} has it open. Wait for it, or stop it and resume`,
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
