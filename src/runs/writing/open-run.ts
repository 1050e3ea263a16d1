import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { DatabaseSync } from 'node:sqlite';
import { RunError } from '../../core/errors.ts';
import { basename, join } from 'node:path';
import { type Checkpoint, type CheckpointChoice, chooseCheckpoint } from './checkpoint-folder.ts';
import { onDisk } from '../files/disk-errors.ts';
import { sweep } from '../../storage/atomic.ts';
import { type Marks, readCheckpoints } from '../files/checkpoint-rows.ts';
import { mark, markedNames } from '../files/pending-marks.ts';
import { startMarks, truncateTo } from './journal.ts';
import { type RunLayout, runLayout } from '../files/layout.ts';
import {
  isCheckpointDraft,
  isCheckpointName,
  isRootDraft,
  isShardDraft,
  isShardName,
  markedName,
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
import { makeFolder } from '../../storage/make-folder.ts';

/** External dependencies of a run. */
export interface RunSurroundings {
  /** Clock, used only for the `*_at` columns. Default: the system clock. */
  readonly clock?: () => Date;
}

/** Data about a run that is about to be resumed. */
export interface Continuation {
  /** `RunSummary.id`. */
  readonly id: string;
  /** sha256 of the JSON of `recipe`. */
  readonly recipeHash: string;
  /** The resolved recipe. */
  readonly recipe: unknown;
}

/** Options for opening a run. */
export interface OpenRunOptions extends RunSurroundings {
  /** Called while the run is locked, before any change; if it throws, the run stays unchanged. */
  readonly admit?: (continuation: Continuation) => Promise<void>;
  /**
   * Loads a checkpoint, after `admit` and before any change; not called for a run without a checkpoint. An error with
   * code `STATE_INVALID` makes the run fall back to the previous checkpoint.
   */
  readonly restore?: (checkpoint: Checkpoint) => Promise<void>;
}

/** The default for `RunSurroundings.clock`. */
export function systemClock(): Date {
  return new Date();
}

/**
 * Opens a run to continue it: takes its lock, calls `admit`, restores the newest undamaged checkpoint, and only then
 * removes everything recorded after that checkpoint; the run recomputes it.
 *
 * @throws RunError with a `tryNext` if the run is missing, damaged, locked by another process or finished, or if its
 * recipe was edited. The run then stays unchanged.
 */
export async function openRun(
  directory: string,
  { clock = systemClock, admit, restore }: OpenRunOptions = {},
): Promise<Run> {
  await requireRun(directory);
  await refuseLinks(directory);
  return onDisk({ directory, doing: `opening ${directory}` }, async () => {
    const lock = takeLock(runLayout(directory).lock);
    if (lock === undefined) throw lockedError(directory);
    try {
      return await openLocked(directory, { clock, admit, restore }, lock);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  });
}

interface OpeningOptions {
  readonly clock: () => Date;
  readonly admit: OpenRunOptions['admit'];
  readonly restore: OpenRunOptions['restore'];
}

async function openLocked(
  directory: string,
  { clock, admit, restore }: OpeningOptions,
  lock: Disposable,
): Promise<Run> {
  const layout = runLayout(directory);
  const database = openDatabase(layout.database);
  try {
    const facts = readFacts(database, directory);
    if (facts.status === 'finished') throw finishedError(directory, facts.endedAt);
    const { recipe } = await readRecipeFile(layout.recipe, facts.recipeHash);
    await admit?.({ id: facts.id, recipeHash: facts.recipeHash, recipe });
    const choice = await chooseCheckpoint(layout.checkpoints, readCheckpoints(database), restore);
    for (const folder of [layout.rollouts, layout.checkpoints]) await makeFolder(folder);
    const session = await startSession(database, { layout, choice }, clock);
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
  { layout, choice }: { readonly layout: RunLayout; readonly choice: CheckpointChoice },
  clock: () => Date,
) {
  const { chosen, skipped } = choice;
  const marks = chosen?.marks ?? startMarks;
  const { packageVersion, gitCommit } = await readProvenance(process.cwd());
  const resumedStep = chosen?.step ?? 0;
  const at = clock().toISOString();
  return inTransaction(database, () => {
    // Mark the files, so that they can be identified if the process is killed between this commit and their removal.
    for (const name of shardsAfter(database, marks)) mark(layout.rollouts, name);
    for (const name of checkpointsAfter(database, chosen?.id ?? 0)) mark(layout.checkpoints, name);
    truncateTo(database, marks);
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

const shardsAfter = (database: DatabaseSync, { shards }: Marks): string[] =>
  database
    .prepare('SELECT file AS name FROM shards WHERE id > ?')
    .all(shards)
    .map((row) => requireName('rollouts', String(row['name']), isShardName));

const checkpointsAfter = (database: DatabaseSync, id: number): string[] =>
  readCheckpoints(database)
    .filter((row) => row.id > id)
    .map(({ folder }) => folder);

/**
 * Removes shards and checkpoints whose rows were dropped or never committed, and drafts left by a killed process.
 * Keeps files that the run never recorded.
 *
 * @returns notices about removed, unrecorded and missing files.
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
  const parts = [
    {
      folder: layout.rollouts,
      isName: isShardName,
      isDraft: isShardDraft,
      recorded: column('SELECT file AS name FROM shards', isShardName),
    },
    {
      folder: layout.checkpoints,
      isName: isCheckpointName,
      isDraft: isCheckpointDraft,
      recorded: column('SELECT folder AS name FROM checkpoints', isCheckpointName),
    },
  ];
  const removed: string[] = [];
  const unknown: string[] = [];
  for (const { folder, isName, isDraft, recorded } of parts) {
    const marked = await markedNames(folder);
    removed.push(...(await sweep(folder, (name) => isName(name) && marked.has(name) && !recorded.has(name))));
    await sweep(folder, (name) => isDraft(name) || markedName(name) !== undefined);
    const left = (await readdir(folder)).filter((name) => isName(name) && !recorded.has(name));
    unknown.push(...left.map((name) => join(basename(folder), name)));
  }
  await sweep(directory, isRootDraft);
  const shards = parts[0]!.recorded;
  const present = new Set(await readdir(layout.rollouts));
  const missing = [...shards].filter((file) => !present.has(file));
  return [
    ...(removed.length === 0
      ? []
      : [`removed ${someOf(removed)}: recorded after the last checkpoint, to be computed again`]),
    ...(unknown.length === 0 ? [] : [`kept, because this run never recorded them: ${someOf(unknown)}`]),
    ...(missing.length === 0
      ? []
      : [
          `rollouts: ${missing.length} of ${shards.size} files are missing, such as ${missing[0]}; the run continues without them`,
        ]),
  ];
}

/** Lists names as text; if there are many, gives their number and the first few. */
const someOf = (names: readonly string[]): string =>
  names.length <= 4 ? names.join(', ') : `${names.length} files: ${names.slice(0, 3).join(', ')}, …`;

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

/** Returns the error for a run that another process has open. */
export function lockedError(directory: string): RunError {
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
