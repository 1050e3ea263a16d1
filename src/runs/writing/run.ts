import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { RunError } from '../../core/errors.ts';
import { outdatedCheckpoints, type Retention } from './checkpoint.ts';
import {
  type Checkpoint,
  type CheckpointContent,
  readCheckpointFolder,
  writeCheckpointFolder,
} from './checkpoint-folder.ts';
import { onDisk } from '../files/disk-errors.ts';
import { writeFolderAtomic } from '../../storage/atomic.ts';
import {
  deleteCheckpoints,
  insertCheckpoint,
  insertEvaluation,
  insertEvent,
  insertMetrics,
  insertShard,
  insertStep,
  readMarks,
} from './journal.ts';
import { readCheckpoints } from '../files/checkpoint-rows.ts';
import { runLayout, stepName } from '../files/layout.ts';
import { markOf } from '../files/names.ts';
import { mark, unmark } from '../files/pending-marks.ts';
import type { FileLock } from '../../storage/file-lock.ts';
import { closeInOneFile, inTransaction } from '../../storage/sqlite.ts';
import { jsonText } from '../../storage/json-text.ts';
import {
  type RunEnd,
  checkGroup,
  checkMetrics,
  type EvaluationRecord,
  type RolloutRecord,
  type RunEvent,
  type StageCandidate,
  type StepRecord,
} from '../files/records.ts';
import { writeShard } from '../files/rollout-shard.ts';

/** The parts from which `openRun` creates a `Run`. */
export interface RunParts {
  readonly directory: string;
  readonly database: DatabaseSync;
  readonly lock: FileLock;
  /** Id of this process's row in `sessions`. */
  readonly session: number;
  /** The resolved recipe with which the run was created. */
  readonly recipe: unknown;
  readonly seed: number;
  /** Damage found while opening, one message each; usually empty. */
  readonly damage: readonly string[];
  readonly clock: () => Date;
}

/** Arguments of `saveCheckpoint`. */
export interface CheckpointRequest extends CheckpointContent {
  /** Whether this checkpoint ends a stage; `Retention.keepStageEnds` keeps such checkpoints. */
  readonly isStageEnd?: boolean;
  /** Score for `keepBest`; higher is better. */
  readonly score?: number;
  /** Which older checkpoints to keep. */
  readonly retention: Retention;
}

/**
 * A run open for writing. Calls take effect in the order in which they are made. Once a call's promise resolves, its
 * record survives a killed process and a power failure. A resume drops and recomputes everything recorded after the
 * last checkpoint.
 *
 * @example
 * await using run = await createRun('runs', { name: 'demo', recipe, seed: 0 });
 * await run.recordStep({ step: 1, stage: 'easy', metrics: { 'reward/mean': 0.4 }, groups });
 * await run.saveCheckpoint({ controllerState, writeEngineState: (folder) => engine.saveState(folder), retention });
 * await run.finish('finished', 'all stages done');
 */
export class Run implements AsyncDisposable {
  readonly #parts: RunParts;
  /** Settles when all calls made so far have settled. */
  #last: Promise<unknown> = Promise.resolve();
  #isEnded = false;
  /** True after a call has failed and reported its error. */
  #hasFailed = false;
  #step: number;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#step = readMarks(parts.database).step;
  }

  /** The run's folder, as passed in. */
  get directory(): string {
    return this.#parts.directory;
  }
  /** The resolved recipe with which the run was created. */
  get recipe(): unknown {
    return this.#parts.recipe;
  }
  /** The seed with which the run was created. */
  get seed(): number {
    return this.#parts.seed;
  }
  /** Damage found while opening, one sentence each: skipped checkpoints, missing rollouts. */
  get damage(): readonly string[] {
    return this.#parts.damage;
  }
  /** Number of steps recorded so far. */
  get step(): number {
    return this.#step;
  }

  /** Records one step with its metrics and groups; on any error, records nothing. */
  async recordStep(record: StepRecord): Promise<void> {
    const { step, stage, metrics, timings = {}, groups = [] } = record;
    checkMetrics(metrics, step);
    checkMetrics(timings, step);
    await this.#inTurn(`recording step ${step}`, async () => {
      if (step !== this.step + 1) {
        throw new RunError(
          `${this.directory}: expected step ${this.step + 1} to be recorded next, got step ${step}`,
          {
            code: 'RUN_STEP_ORDER',
          },
        );
      }
      const shard = await this.#writeShard({ step, stage, purpose: 'train', groups });
      this.#commit((at) => {
        insertStep(this.#parts.database, record, at);
        insertMetrics(this.#parts.database, step, metrics, false);
        insertMetrics(this.#parts.database, step, timings, true);
        shard.record();
      });
      await shard.settle();
      this.#step = step;
    });
  }

  /** Records groups rolled out between steps, to measure difficulty or to evaluate. */
  async recordRollouts(record: RolloutRecord): Promise<void> {
    await this.#inTurn(`recording rollouts at step ${record.step}`, async () => {
      const shard = await this.#writeShard(record);
      this.#commit(shard.record);
      await shard.settle();
    });
  }

  /**
   * Records an event; see `RunEvent` for the difference between events and logs.
   * @param candidates for the start of a stage: the problems from which it can choose.
   */
  async recordEvent(event: RunEvent, candidates: readonly StageCandidate[] = []): Promise<void> {
    await this.#inTurn(`recording the event ${event.type}`, () => {
      this.#commit((at) => insertEvent(this.#parts.database, event, candidates, at));
    });
  }

  /** Records the result of an evaluation suite. */
  async recordEvaluation(evaluation: EvaluationRecord): Promise<void> {
    await this.#inTurn(`recording the evaluation ${evaluation.name}`, () => {
      this.#commit((at) => insertEvaluation(this.#parts.database, evaluation, at));
    });
  }

  /** Records the engine of this process. `info` is `Engine.info` and must be JSON-safe. */
  async recordEngine(info: unknown): Promise<void> {
    await this.#inTurn('recording the engine', () => {
      this.#commit(() => {
        this.#parts.database
          .prepare('UPDATE sessions SET engine = ? WHERE id = ?')
          .run(jsonText(info, 'the engine'), this.#parts.session);
      });
    });
  }

  /**
   * Saves a checkpoint of everything up to the last recorded step, then drops the checkpoints that `retention` does
   * not keep. Older checkpoints stay until the new one is complete on disk.
   */
  async saveCheckpoint(request: CheckpointRequest): Promise<void> {
    await this.#inTurn('saving a checkpoint', async () => {
      const { database } = this.#parts;
      const existing = readCheckpoints(database);
      const marks = readMarks(database);
      const { checkpoints } = runLayout(this.directory);
      const recorded = (name: string): boolean => existing.some((row) => row.folder === name);
      const folder = stepName(marks.step, '', (name) => recorded(name) || isForeign(checkpoints, name));
      mark(checkpoints, folder);
      const files = await writeCheckpointFolder(join(checkpoints, folder), request);
      const { isStageEnd = false, score = null } = request;
      const dropped = this.#commit((at) => {
        insertCheckpoint(database, { folder, step: marks.step, isStageEnd, score, files, marks }, at);
        const outdated = deleteOutdated(database, request.retention);
        for (const name of outdated) mark(checkpoints, name);
        return outdated;
      });
      for (const name of dropped) await rm(join(checkpoints, name), { recursive: true, force: true });
      for (const name of [folder, ...dropped]) await unmark(checkpoints, name);
    });
  }

  /** Reads the newest checkpoint, from which a resumed run continues; `undefined` if there is none yet. */
  async latestCheckpoint(): Promise<Checkpoint | undefined> {
    return this.#inTurn('reading the last checkpoint', async () => {
      const row = readCheckpoints(this.#parts.database).at(-1);
      return row && readCheckpointFolder(this.#checkpointFolder(row.folder), row.step);
    });
  }

  /** Writes the final model into `export/`, e.g. `run.exportModel((folder) => engine.exportModel(folder))`. */
  async exportModel(write: (folder: string) => Promise<void>): Promise<string> {
    const { export: folder } = runLayout(this.directory);
    await this.#inTurn('exporting the model', () => writeFolderAtomic(folder, write));
    return folder;
  }

  /** Records how the run ended; no records may follow. */
  async finish(end: RunEnd, reason: string): Promise<void> {
    await this.#inTurn('finishing', () => this.#end(end, reason));
  }

  /** Closes the run; an unfinished one is `interrupted` and can be resumed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    const { directory, database, lock } = this.#parts;
    if (!database.isOpen) return;
    try {
      const isEnded = this.#isEnded;
      await onDisk({ directory, doing: 'closing' }, () => {
        if (!isEnded) this.#end('interrupted', 'stopped before it was finished');
      });
    } catch (error) {
      // The final update may fail with the same disk error as a call: do not mask an error that was already reported.
      if (!this.#hasFailed) throw error;
    } finally {
      closeInOneFile(database);
      lock[Symbol.dispose]();
    }
  }

  #end(status: RunEnd, reason: string): void {
    const { database, session } = this.#parts;
    this.#commit((at) => {
      database.prepare('UPDATE run SET status = ?, reason = ?, ended_at = ?').run(status, reason, at);
      database.prepare('UPDATE sessions SET ended_at = ? WHERE id = ?').run(at, session);
    });
    this.#isEnded = true;
  }

  /**
   * Writes a shard's file before its row: if the process is killed in between, an unreferenced, marked file remains and
   * nothing is lost.
   */
  async #writeShard(record: RolloutRecord): Promise<WrittenShard> {
    if (record.groups.length === 0) return { record: () => {}, settle: async () => {} };
    record.groups.forEach(checkGroup);
    const { database } = this.#parts;
    const { rollouts } = runLayout(this.directory);
    const recorded = database.prepare('SELECT 1 FROM shards WHERE file = ?');
    const isTaken = (name: string): boolean =>
      recorded.get(`${name}.parquet`) !== undefined || isForeign(rollouts, `${name}.parquet`);
    const file = `${stepName(record.step, `-${record.purpose}`, isTaken)}.parquet`;
    mark(rollouts, file);
    const bytes = await writeShard(join(rollouts, file), record);
    return {
      record: () => insertShard(database, record, file, bytes),
      settle: () => unmark(rollouts, file),
    };
  }

  #checkpointFolder(name: string): string {
    return join(runLayout(this.directory).checkpoints, name);
  }

  #commit<T>(write: (at: string) => T): T {
    const at = this.#parts.clock().toISOString();
    return inTransaction(this.#parts.database, () => write(at));
  }

  async #inTurn<T>(doing: string, action: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      this.#requireOpen(doing);
      return onDisk({ directory: this.directory, doing }, action);
    });
    // The next call waits for this call, but only this call's own promise rejects with its error.
    this.#last = turn.catch(() => {
      this.#hasFailed = true;
    });
    return turn;
  }

  #requireOpen(doing: string): void {
    if (!this.#isEnded && this.#parts.database.isOpen) return;
    throw new RunError(
      `${doing}: expected ${this.directory} to be open, but it is already ${this.#isEnded ? 'finished' : 'closed'}`,
      {
        code: 'RUN_CLOSED',
      },
    );
  }
}

/** A shard on disk. `record` inserts its rows within a transaction; `settle` removes its marker file afterwards. */
interface WrittenShard {
  readonly record: () => void;
  readonly settle: () => Promise<void>;
}

/** Returns whether a name is taken by a file or folder that this run did not write. */
const isForeign = (folder: string, name: string): boolean =>
  existsSync(join(folder, name)) && !existsSync(join(folder, markOf(name)));

/** Deletes the rows of expired checkpoints. Returns their folders, to be removed after the commit. */
function deleteOutdated(database: DatabaseSync, retention: Retention): string[] {
  const rows = readCheckpoints(database);
  const ids = outdatedCheckpoints(rows, retention);
  deleteCheckpoints(database, ids);
  return rows.filter(({ id }) => ids.includes(id)).map(({ folder }) => folder);
}
