import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../../core/errors.ts';
import { exists, fileSizes, writeFolderAtomic, type FileSizes } from '../../storage/atomic.ts';
import type { CheckpointRow } from '../files/checkpoint-rows.ts';
import { jsonText } from '../../storage/json-text.ts';

/** Where to continue from. */
export interface Checkpoint {
  /** Optimizer steps taken. */
  readonly step: number;
  /** The folder given to the engine's `saveState`, for its `loadState`. */
  readonly engineState: string;
  /** What the controller gave when it was saved. */
  readonly controllerState: unknown;
}

/** What goes into a checkpoint. */
export interface CheckpointContent {
  /** JSON-safe; taken the moment the checkpoint is asked for. */
  readonly controllerState: unknown;
  /** Writes the engine's state into the folder it is given, e.g. `(folder) => engine.saveState(folder)`. */
  readonly writeEngineState: (folder: string) => Promise<void>;
}

/** Writes a checkpoint folder, whole or not at all. Returns the sizes of its files. */
export async function writeCheckpointFolder(folder: string, content: CheckpointContent): Promise<FileSizes> {
  const controllerState = jsonText(content.controllerState, 'the controller state');
  return writeFolderAtomic(folder, async (draft) => {
    await content.writeEngineState(join(draft, 'engine'));
    await writeFile(join(draft, 'controller.json'), controllerState);
  });
}

/** Reads what a checkpoint folder says; its engine state is for the engine to read. */
export async function readCheckpointFolder(folder: string, step: number): Promise<Checkpoint> {
  const path = join(folder, 'controller.json');
  return {
    step,
    engineState: join(folder, 'engine'),
    controllerState: JSON.parse(await readFile(path, 'utf8')) as unknown,
  };
}

/** The newest checkpoint whose files are all there, and why newer ones are not used. */
export interface CheckpointChoice {
  /** `undefined`: there is none, start from the beginning. */
  readonly chosen: CheckpointRow | undefined;
  /** One sentence per damaged checkpoint that was passed over. */
  readonly skipped: readonly string[];
}

/**
 * Chooses where to resume. Throws a `RunError` when there are checkpoints but all are damaged: to start over silently
 * could throw days of work away.
 */
export async function chooseCheckpoint(
  folder: string,
  rows: readonly CheckpointRow[],
): Promise<CheckpointChoice> {
  const skipped: string[] = [];
  for (const row of rows.toReversed()) {
    const damage = await findDamage(join(folder, row.folder), row.files);
    if (damage === undefined) return { chosen: row, skipped };
    skipped.push(`${row.folder} is damaged: ${damage}`);
  }
  if (skipped.length === 0) return { chosen: undefined, skipped };
  throw new RunError(
    `${folder}: expected at least one whole checkpoint, found none (${skipped.join('; ')}). Restore the files from a copy or start a new run`,
    { code: 'RUN_CHECKPOINTS_DAMAGED', tryNext: 'gradus train <recipe>' },
  );
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
