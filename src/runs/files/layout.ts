import { existsSync } from 'node:fs';
import { join } from 'node:path';

/*
 *   runs/demo-0001/
 *     recipe.json                          the resolved recipe and its hash
 *     data.json                            the files of its problems and their hashes
 *     plan.json                            the forecast made before the run, see planning/
 *     run.sqlite                           steps, metrics, groups, events, evaluations, checkpoints
 *     rollouts/step-000120-train.parquet   every attempt of step 120, one row each
 *     checkpoints/step-000120/             resume state: engine/, controller.json and batches started/ for later steps
 *     examples/stage-001.jsonl             the examples that stage 1 imitates
 *     harvest.sqlite                       attempts by stages that harvest, kept for a resume
 *     base-state/                          the engine's first state, while a later stage starts from it
 *     pass-rates.sqlite                    attempts by problem and model
 *     tool-results.sqlite                  results of tool calls, which a resumed run reuses
 *     export/                              the final model
 *     search.sqlite                        full-text index, built from the shards during a search; may be deleted
 *     annotations.json                     title, tags and note by the user; not a result of the run
 *     run.lock                             locked while a process is writing
 *     run.origin                           proof that this user created it on this machine
 *
 * Files are first written under a temporary name; a file belongs to the run once a row in run.sqlite names it.
 * Resuming removes all rows after the newest checkpoint, then the shards and checkpoints of these rows, and computes
 * them again. Files that the run never recorded are never touched.
 */

/** Paths of all files of a run. */
export interface RunLayout {
  readonly directory: string;
  /** The resolved recipe with its hash. */
  readonly recipe: string;
  /** The files of its problems, with their hashes. */
  readonly data: string;
  /** SQLite: steps, metrics, events, evaluations, checkpoints and the position of each group's rollouts. */
  readonly database: string;
  /** Proof that this user created the run on this machine; absent in runs from elsewhere. */
  readonly origin: string;
  /** Locked while a process is writing to the run; empty. */
  readonly lock: string;
  /** Parquet shards, readable by other tools (`load_dataset("parquet", data_dir=…)`). */
  readonly rollouts: string;
  /** One folder per kept checkpoint: `engine/` and `controller.json`. */
  readonly checkpoints: string;
  /** Examples of the stages that imitate, one file each, readable by `gradus sft`. */
  readonly examples: string;
  /** Judged attempts of harvesting stages, kept for a resume. */
  readonly harvest: string;
  /** State of the engine before the first step, while a later stage starts from it. */
  readonly baseState: string;
  /** The engine state with which the current stage began, if it is the stage's reference. */
  readonly referenceState: string;
  /** The final model, once exported. */
  readonly export: string;
  /** Full-text index of the rollouts, derived from the shards. */
  readonly search: string;
  /** Title, tags and note by the user. */
  readonly annotations: string;
  /** The forecast made before the run. */
  readonly plan: string;
  /** Attempts by problem and model. */
  readonly passRates: string;
  /** Results of tool calls. */
  readonly toolResults: string;
}

/** Returns the layout of the run in `directory`. */
export function runLayout(directory: string): RunLayout {
  return {
    directory,
    recipe: join(directory, 'recipe.json'),
    data: join(directory, 'data.json'),
    database: join(directory, 'run.sqlite'),
    origin: join(directory, 'run.origin'),
    lock: join(directory, 'run.lock'),
    rollouts: join(directory, 'rollouts'),
    checkpoints: join(directory, 'checkpoints'),
    examples: join(directory, 'examples'),
    harvest: join(directory, 'harvest.sqlite'),
    baseState: join(directory, 'base-state'),
    referenceState: join(directory, 'reference-state'),
    export: join(directory, 'export'),
    search: join(directory, 'search.sqlite'),
    annotations: join(directory, 'annotations.json'),
    plan: join(directory, 'plan.json'),
    passRates: join(directory, 'pass-rates.sqlite'),
    toolResults: join(directory, 'tool-results.sqlite'),
  };
}

/** Returns the folder of deleted runs in a folder of runs. */
export const trashOf = (root: string): string => join(root, '.trash');

/** Returns `<name>-<nnnn>`, the folder of a name's n-th run (1-based). */
export function runDirectoryName(name: string, number: number): string {
  return `${name}-${String(number).padStart(4, '0')}`;
}

/**
 * Returns the number in a folder name that `runDirectoryName` made for this run name; `undefined` for any other folder.
 */
export function runNumber(name: string, folder: string): number | undefined {
  const digits = folder.startsWith(`${name}-`) ? folder.slice(name.length + 1) : '';
  return /^\d{4,}$/.test(digits) ? Number(digits) : undefined;
}

/**
 * Builds a name that sorts by step: `step-000120`, `step-000120-train`. Later names at the same step get
 * `-2`, `-3`, …, which depend only on the names in use, so a resumed run creates the same names again.
 */
export function stepName(step: number, suffix: string, isTaken: (name: string) => boolean): string {
  const base = `step-${String(step).padStart(6, '0')}${suffix}`;
  let name = base;
  for (let n = 2; isTaken(name); n++) name = `${base}-${n}`;
  return name;
}

/** Returns the path of the training or held-out examples of a stage (0-based). */
export const examplesFile = (directory: string, stage: number, part: 'train' | 'held-out'): string =>
  join(
    runLayout(directory).examples,
    `stage-${String(stage + 1).padStart(3, '0')}${part === 'train' ? '' : '-held-out'}.jsonl`,
  );

/** Returns the Hugging Face folder that a run exported at its end; undefined if it has not exported one. */
export function exportedModel(directory: string): string | undefined {
  const folder = runLayout(directory).export;
  return existsSync(join(folder, 'config.json')) ? folder : undefined;
}
