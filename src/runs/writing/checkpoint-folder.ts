import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../../core/errors.ts';
import { exists, fileSizes, writeFolderAtomic, type FileSizes } from '../../storage/atomic.ts';
import type { CheckpointRow } from '../files/checkpoint-rows.ts';
import { jsonText } from '../../storage/json-text.ts';

/** State to continue from. */
export interface Checkpoint {
  /** Optimizer steps done. */
  readonly step: number;
  /** Folder of the engine's state, for `loadState`. */
  readonly engineState: string;
  /** State that the controller saved. */
  readonly controllerState: unknown;
}

/** Content of a checkpoint. */
export interface CheckpointContent {
  /** JSON-safe; captured when the checkpoint is requested. */
  readonly controllerState: unknown;
  /** Writes the engine's state into a folder, e.g. `(folder) => engine.saveState(folder)`. */
  readonly writeEngineState: (folder: string) => Promise<void>;
}

/** Writes a checkpoint folder atomically. Returns the sizes of its files. */
export async function writeCheckpointFolder(folder: string, content: CheckpointContent): Promise<FileSizes> {
  const controllerState = jsonText(content.controllerState, 'the controller state');
  return writeFolderAtomic(folder, async (draft) => {
    await content.writeEngineState(join(draft, 'engine'));
    await writeFile(join(draft, 'controller.json'), controllerState);
  });
}

/** Reads the controller's part of a checkpoint folder; the engine reads its own state. */
export async function readCheckpointFolder(folder: string, step: number): Promise<Checkpoint> {
  const path = join(folder, 'controller.json');
  return {
    step,
    engineState: join(folder, 'engine'),
    controllerState: JSON.parse(await readFile(path, 'utf8')) as unknown,
  };
}

/** The newest complete checkpoint, and why newer ones are unusable. */
export interface CheckpointChoice {
  /** `undefined`: no checkpoint, start from the beginning. */
  readonly chosen: CheckpointRow | undefined;
  /** One sentence per damaged checkpoint that was skipped. */
  readonly skipped: readonly string[];
}

/**
 * Chooses the checkpoint to resume from. Throws a `RunError` when all checkpoints are damaged: silently starting over
 * could lose days of work.
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
    `${folder}: expected at least one complete checkpoint, found none (${skipped.join('; ')}). Restore the files from a copy or start a new run`,
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
