import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GradusError, RunError } from '../../core/errors.ts';
import { exists, fileSizes, writeFolderAtomic, type FileSizes } from '../../storage/atomic.ts';
import { type StartedRecord, writeStartedBatches } from '../files/started-batches.ts';
import type { CheckpointRow } from '../files/checkpoint-rows.ts';
import { jsonText } from '../../storage/json-text.ts';

/** A saved state from which a run can continue. */
export interface Checkpoint {
  /** Number of completed optimizer steps. */
  readonly step: number;
  /** Folder of the engine's state, for `loadState`. */
  readonly engineState: string;
  /** The state of the controller, as saved. */
  readonly controllerState: unknown;
  /** Folder of the batches rolled out for later steps, for `readStartedBatches`; may be missing. */
  readonly started: string;
}

/** Content of a checkpoint. */
export interface CheckpointContent {
  /** The controller's state; JSON-safe; captured when the checkpoint is requested. */
  readonly controllerState: unknown;
  /** Writes the engine's state into a folder, e.g. `(folder) => engine.saveState(folder)`. */
  readonly writeEngineState: (folder: string) => Promise<void>;
  /** Batches rolled out for later steps, in order. Default: none. */
  readonly started?: readonly StartedRecord[];
}

const startedFolder = 'started';
const controllerFile = 'controller.json';
/** sha256 of `controller.json` in hexadecimal; absent in checkpoints of older versions. */
const checksumFile = 'controller.sha256';

/** Writes a checkpoint folder atomically. Returns the sizes of its files. */
export async function writeCheckpointFolder(folder: string, content: CheckpointContent): Promise<FileSizes> {
  const controllerState = jsonText(content.controllerState, 'the controller state');
  return writeFolderAtomic(folder, async (draft) => {
    await content.writeEngineState(join(draft, 'engine'));
    await writeStartedBatches(join(draft, startedFolder), content.started ?? []);
    await writeFile(join(draft, controllerFile), controllerState);
    await writeFile(join(draft, checksumFile), `${sha256(controllerState)}\n`);
  });
}

/**
 * Reads the controller's part of a checkpoint folder; the engine reads its own state.
 * @throws RunError (`STATE_INVALID`) if the file changed after saving.
 */
export async function readCheckpointFolder(folder: string, step: number): Promise<Checkpoint> {
  const text = await readFile(join(folder, controllerFile), 'utf8');
  const checksum = await readFile(join(folder, checksumFile), 'utf8').catch(() => undefined);
  const isAsSaved = checksum === undefined || checksum.trim() === sha256(text);
  if (!isAsSaved || !isJson(text)) {
    throw new RunError(`${controllerFile}: checksum mismatch, the file changed after saving`, {
      code: stateInvalid,
    });
  }
  return {
    step,
    engineState: join(folder, 'engine'),
    controllerState: JSON.parse(text) as unknown,
    started: join(folder, startedFolder),
  };
}

/** Error code for a checkpoint or engine state that changed after saving. */
const stateInvalid = 'STATE_INVALID';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The newest complete checkpoint, and the reasons why newer ones are unusable. */
export interface CheckpointChoice {
  /** `undefined` if there is no checkpoint; the run then starts from the beginning. */
  readonly chosen: CheckpointRow | undefined;
  /** Content of the chosen checkpoint. */
  readonly checkpoint: Checkpoint | undefined;
  /** One sentence per damaged checkpoint that was skipped. */
  readonly skipped: readonly string[];
}

/**
 * Chooses the checkpoint from which to resume: the newest whose files are complete, unchanged and accepted by
 * `restore`, which throws an error with code `STATE_INVALID` if the engine state is damaged. Throws a `RunError` if all
 * checkpoints are damaged, because silently starting over could lose days of work.
 */
export async function chooseCheckpoint(
  folder: string,
  rows: readonly CheckpointRow[],
  restore: (checkpoint: Checkpoint) => Promise<void> = async () => {},
): Promise<CheckpointChoice> {
  const skipped: string[] = [];
  for (const row of rows.toReversed()) {
    const found = await tryCheckpoint(join(folder, row.folder), row, restore);
    if (typeof found !== 'string') return { chosen: row, checkpoint: found, skipped };
    skipped.push(`${row.folder} is damaged: ${found}`);
  }
  if (skipped.length === 0) return { chosen: undefined, checkpoint: undefined, skipped };
  throw new RunError(
    `${folder}: expected at least one complete checkpoint, found none (${skipped.join('; ')}). Restore the files from a copy or start a new run`,
    { code: 'RUN_CHECKPOINTS_DAMAGED', tryNext: 'gradus train <recipe>' },
  );
}

/** Returns the restored checkpoint, or a description of its damage. */
async function tryCheckpoint(
  folder: string,
  { files, step }: CheckpointRow,
  restore: (checkpoint: Checkpoint) => Promise<void>,
): Promise<Checkpoint | string> {
  const damage = await findDamage(folder, files);
  if (damage !== undefined) return damage;
  try {
    const checkpoint = await readCheckpointFolder(folder, step);
    await restore(checkpoint);
    return checkpoint;
  } catch (error) {
    if (GradusError.isInstance(error) && error.code === stateInvalid) return error.message;
    throw error;
  }
}

async function findDamage(folder: string, expected: FileSizes): Promise<string | undefined> {
  if (!(await exists(folder))) return 'its folder is missing';
  const found = await fileSizes(folder);
  for (const [path, bytes] of Object.entries(expected)) {
    if (found[path] === undefined) return `${path} is missing`;
    if (found[path] !== bytes) return `${path} should have ${bytes} bytes and has ${found[path]}`;
  }
  return undefined;
}
