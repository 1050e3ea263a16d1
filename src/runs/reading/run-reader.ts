import { basename, join } from 'node:path';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { RunError } from '../../core/errors.ts';
import { explainDiskError } from '../files/disk-errors.ts';
import { readCheckpoints } from '../files/checkpoint-rows.ts';
import { runLayout } from '../files/layout.ts';
import { isLocked } from '../../storage/file-lock.ts';
import type { RunParent } from '../files/records.ts';
import type { EvaluationRecord, RunEvent } from '../files/records.ts';
import { isShardName, requireName } from '../files/names.ts';
import { requireRun } from '../files/require-run.ts';
import { readShard } from '../files/rollout-shard.ts';
import type { RolloutRow } from '../files/rollout-row.ts';
import {
  fromJson,
  type GroupQuery,
  type GroupRow,
  groupView,
  type MetricSeries,
  type Row,
  type RunSession,
  type RunSummary,
  sessionView,
  textOrNull,
} from './run-rows.ts';
import { openDatabaseReadOnly } from '../files/schema.ts';

/**
 * Reads a run, even while another process is writing it. All viewers use this class.
 *
 * @example
 * using run = await openRunReader('runs/demo-0001');
 * const { steps, values } = run.metric('reward/mean');
 * const worst = run.groups({ stage: 'hard' }).filter((group) => group.correct === 0);
 * for (const rollout of await run.rollouts(worst, ['text', 'reason'])) console.log(rollout.reason);
 */
export class RunReader implements Disposable {
  /** The run's folder, as passed in. */
  readonly directory: string;
  readonly #database: DatabaseSync;

  constructor(directory: string, database: DatabaseSync) {
    this.directory = directory;
    this.#database = database;
  }

  /** Returns the state and progress of the run. */
  summary(): RunSummary {
    const run = this.rows('SELECT * FROM run')[0];
    if (run === undefined) {
      throw new RunError(`${this.directory}: expected run.sqlite to describe one run, found it empty`, {
        code: 'RUN_CORRUPT',
      });
    }
    const last = this.rows('SELECT * FROM steps ORDER BY step DESC LIMIT 1')[0];
    return {
      directory: this.directory,
      folder: basename(this.directory),
      id: String(run['id']),
      name: String(run['name']),
      status: this.#status(String(run['status']) as RunSummary['status']),
      reason: textOrNull(run['reason']),
      seed: Number(run['seed']),
      recipeHash: String(run['recipe_hash']),
      parent: fromJson(run['parent']) as RunParent | null,
      step: Number(last?.['step'] ?? 0),
      stage: textOrNull(last?.['stage']),
      createdAt: String(run['created_at']),
      endedAt: textOrNull(run['ended_at']),
      updatedAt: textOrNull(last?.['recorded_at']),
    };
  }

  /** Returns every process that wrote to the run, oldest first. */
  sessions(): RunSession[] {
    return this.rows('SELECT * FROM sessions ORDER BY id').map(sessionView);
  }

  /** Returns the stages in training order, with their first and last recorded step. */
  stages(): { readonly stage: string; readonly firstStep: number; readonly lastStep: number }[] {
    const query =
      'SELECT stage, min(step) AS first, max(step) AS last FROM steps GROUP BY stage ORDER BY first';
    return this.rows(query).map((row) => ({
      stage: String(row['stage']),
      firstStep: Number(row['first']),
      lastStep: Number(row['last']),
    }));
  }

  /** Returns the names of all metrics, sorted; timings depend on the machine and the clock. */
  metricNames(): { readonly name: string; readonly isTiming: boolean }[] {
    const query = 'SELECT name, is_timing FROM metric_names ORDER BY name';
    return this.rows(query).map((row) => ({ name: String(row['name']), isTiming: row['is_timing'] === 1 }));
  }

  /**
   * Returns a metric or timing at the steps that measured it, from `from` to `to` inclusive; empty for an unknown name.
   */
  metric(name: string, { from = 0, to = Number.MAX_SAFE_INTEGER } = {}): MetricSeries {
    const rows = this.lists(
      `SELECT step, value FROM metrics WHERE name_id = (SELECT id FROM metric_names WHERE name = ?)
       AND step BETWEEN ? AND ? ORDER BY step`,
      name,
      from,
      to,
    );
    // Use a plain loop: destructuring ten thousand rows in `map` takes longer than reading them.
    const [steps, values] = [new Float64Array(rows.length), new Float64Array(rows.length)];
    for (let at = 0; at < rows.length; at++) {
      steps[at] = rows[at]![0] as number;
      values[at] = rows[at]![1] as number;
    }
    return { steps, values };
  }

  /** Returns all metrics and timings of one step. */
  metricsAt(step: number): Record<string, number> {
    // CROSS JOIN makes SQLite look each name up in the clustered key instead of scanning all values.
    const query = `SELECT name, value FROM metric_names CROSS JOIN metrics
      ON metrics.name_id = metric_names.id AND metrics.step = ? ORDER BY name`;
    return Object.fromEntries(
      this.rows(query, step).map((row) => [String(row['name']), Number(row['value'])]),
    );
  }

  /** Returns events in the order in which they happened, without the first `skip`. */
  events(skip = 0): RunEvent[] {
    return this.rows('SELECT * FROM events ORDER BY id LIMIT -1 OFFSET ?', skip).map((row) => ({
      step: Number(row['step']),
      type: String(row['type']),
      message: String(row['message']),
      ...(typeof row['stage'] === 'string' ? { stage: row['stage'] } : {}),
      ...(row['data'] === null ? {} : { data: fromJson(row['data']) }),
    }));
  }

  /** Returns evaluation results in the order in which they were recorded, without the first `skip`. */
  evaluations(skip = 0): EvaluationRecord[] {
    return this.rows('SELECT * FROM evaluations ORDER BY id LIMIT -1 OFFSET ?', skip).map((row) => ({
      step: Number(row['step']),
      name: String(row['name']),
      result: fromJson(row['result']),
    }));
  }

  /** Returns the kept checkpoints, oldest first; pass `engineState` to an engine's `loadState`. */
  checkpoints(): { readonly step: number; readonly isStageEnd: boolean; readonly engineState: string }[] {
    const { checkpoints } = runLayout(this.directory);
    return this.#reading(() => readCheckpoints(this.#database)).map(({ step, isStageEnd, folder }) => ({
      step,
      isStageEnd,
      engineState: join(checkpoints, folder, 'engine'),
    }));
  }

  /** Returns groups in the order in which they were recorded. */
  groups(query: GroupQuery = {}): GroupRow[] {
    const conditions: string[] = [];
    const values: SQLInputValue[] = [];
    const columns = {
      step: query.step,
      stage: query.stage,
      purpose: query.purpose,
      problem_id: query.problemId,
    };
    for (const [column, value] of Object.entries(columns)) {
      if (value === undefined) continue;
      conditions.push(`groups.${column} = ?`);
      values.push(value);
    }
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    return this.rows(
      `SELECT groups.*, shards.file FROM groups JOIN shards ON shards.id = groups.shard_id ${where}
       ORDER BY groups.id LIMIT ? OFFSET ?`,
      ...values,
      query.limit ?? -1,
      query.offset ?? 0,
    ).map(groupView);
  }

  /** Returns one group by its id; undefined if unknown. */
  group(id: number): GroupRow | undefined {
    const query = `SELECT groups.*, shards.file FROM groups JOIN shards ON shards.id = groups.shard_id WHERE groups.id = ?`;
    return this.rows(query, id).map(groupView)[0];
  }

  /**
   * Reads the rollouts of some groups, in the given order. Name only the columns you need, because tokens and logprobs
   * are large.
   */
  async rollouts<F extends keyof RolloutRow = keyof RolloutRow>(
    groups: readonly GroupRow[],
    columns?: readonly F[],
  ): Promise<Pick<RolloutRow, F>[]> {
    const rows: Pick<RolloutRow, F>[] = [];
    for (const { file, firstRow, endRow } of adjacentRows(groups)) {
      const path = join(runLayout(this.directory).rollouts, requireName(this.directory, file, isShardName));
      const slice = { firstRow, endRow, ...(columns === undefined ? {} : { columns }) };
      const part = await readShard(path, slice).catch((cause: unknown) => {
        throw lostShard(path, cause);
      });
      for (const row of part) rows.push(row);
    }
    return rows;
  }

  /** Returns the rows of any read-only query on the tables in `schema.ts`, for aggregates in views. */
  rows(query: string, ...values: SQLInputValue[]): Row[] {
    return this.#reading(() => this.#database.prepare(query).all(...values));
  }

  /**
   * Like `rows`, but returns each row as a list of values, in the order of the query's columns; several times faster
   * for many rows.
   */
  lists(query: string, ...values: SQLInputValue[]): unknown[][] {
    return this.#reading(() => {
      const statement = this.#database.prepare(query);
      statement.setReturnArrays(true);
      return statement.all(...values) as unknown as unknown[][];
    });
  }

  /** Closes the database; the run stays unchanged. */
  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Runs `read` and converts SQLite errors, because a database that opens may still have damaged pages. */
  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw explainDiskError(error, { directory: this.directory, doing: `reading ${this.directory}` });
    }
  }

  #status(recorded: RunSummary['status']): RunSummary['status'] {
    const isDead = recorded === 'running' && !isLocked(runLayout(this.directory).lock);
    return isDead ? 'interrupted' : recorded;
  }
}

/** Opens a run for reading. Throws a `RunError` if it is missing or damaged. */
export async function openRunReader(directory: string): Promise<RunReader> {
  await requireRun(directory);
  try {
    return new RunReader(directory, openDatabaseReadOnly(runLayout(directory).database));
  } catch (error) {
    throw explainDiskError(error, { directory, doing: `reading ${directory}` });
  }
}

function lostShard(path: string, cause: unknown): RunError {
  return new RunError(
    `${path}: expected the rollouts listed in run.sqlite, but the file is missing or incomplete (${String(cause)}). Restore it from a copy; the rest of the run is readable`,
    { code: 'RUN_CORRUPT', cause, tryNext: 'gradus runs list' },
  );
}

/** Merges neighbouring groups of one shard into ranges that are read at once. */
function adjacentRows(groups: readonly GroupRow[]) {
  const spans: { file: string; firstRow: number; endRow: number }[] = [];
  for (const { file, firstRow, rollouts } of groups) {
    const last = spans.at(-1);
    if (last?.file === file && last.endRow === firstRow) last.endRow += rollouts;
    else spans.push({ file, firstRow, endRow: firstRow + rollouts });
  }
  return spans;
}
