import { existsSync } from 'node:fs';
import { join } from 'node:path';

/*
 *   runs/demo-0001/
 *     recipe.json                          what was asked for: the resolved recipe and its hash
 *     data.json                            what it was given: the files of its problems and their hashes
 *     run.sqlite                           what happened: steps, metrics, groups, events, evaluations, checkpoints
 *     rollouts/step-000120-train.parquet   every attempt of step 120, one row each
 *     checkpoints/step-000120/             where a resume continues: engine/ and controller.json
 *     export/                              the final model
 *     run.lock                             held while a process writes
 *     run.origin                           proof that this user made it on this machine
 *
 * A file is written whole under a temporary name first; it counts once a row of run.sqlite speaks of it. Resuming
 * removes all rows after the newest checkpoint's, then all shards and checkpoints without a row, and computes them again.
 * Files under other names are never touched.
 */

/** Where everything of a run lies inside its directory. */
export interface RunLayout {
  readonly directory: string;
  /** The resolved recipe and its hash. */
  readonly recipe: string;
  /** The files its problems came from, with their hashes. */
  readonly data: string;
  /** SQLite: facts, steps, metrics, events, evaluations, checkpoints and where each group's rollouts are. */
  readonly database: string;
  /** Proof that this user created the run on this machine; absent in runs from elsewhere. */
  readonly origin: string;
  /** Held by the kernel while a process writes to the run; empty. */
  readonly lock: string;
  /** Parquet shards, readable by anything (`load_dataset("parquet", data_dir=…)`). */
  readonly rollouts: string;
  /** One folder per kept checkpoint: `engine/` and `controller.json`. */
  readonly checkpoints: string;
  /** The final model, once there is one. */
  readonly export: string;
}

/** The layout of the run in `directory`. */
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
    export: join(directory, 'export'),
  };
}

/** `<name>-<nnnn>`, the folder of a name's n-th run (1-based). */
export function runDirectoryName(name: string, number: number): string {
  return `${name}-${String(number).padStart(4, '0')}`;
}

/** The number in a folder made by `runDirectoryName` for this name, or `undefined` for any other folder. */
export function runNumber(name: string, folder: string): number | undefined {
  const digits = folder.startsWith(`${name}-`) ? folder.slice(name.length + 1) : '';
  return /^\d{4,}$/.test(digits) ? Number(digits) : undefined;
}

/**
 * A name that says its step and sorts by it: `step-000120`, `step-000120-train`. The `-2`, `-3`, … of later ones at
 * the same step depends only on the names in use, so a resumed run gives the same names again.
 */
export function stepName(step: number, suffix: string, isTaken: (name: string) => boolean): string {
  const base = `step-${String(step).padStart(6, '0')}${suffix}`;
  let name = base;
  for (let n = 2; isTaken(name); n++) name = `${base}-${n}`;
  return name;
}

/** The Hugging Face folder a run exported at its end; undefined before. */
export function exportedModel(directory: string): string | undefined {
  const folder = runLayout(directory).export;
  return existsSync(join(folder, 'config.json')) ? folder : undefined;
}
