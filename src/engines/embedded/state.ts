import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { EngineError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import type { TrainerState } from './learning/trainer.ts';
import { makeFolder } from '../../storage/make-folder.ts';

const parts = ['weights', 'firstMoment', 'secondMoment'] as const;
const manifestName = 'engine-state.json';
const fileOf = (part: (typeof parts)[number]): string => `${part}.f32`;

const manifestSchema = z.strictObject({
  format: z.literal('gradus-embedded-state@1'),
  policyVersion: z.int().min(0),
  /** Absent in states of earlier versions, which have one count of both. */
  optimizerSteps: z.int().min(0).optional(),
  /** Hash of the run's base model: the reference for KL. */
  modelHash: z.string(),
  /** sha256 and size in bytes of each array's file: raw little-endian float32. */
  files: z.record(z.enum(parts), z.strictObject({ sha256: z.string(), bytes: z.int().min(0) })),
});

/**
 * Writes a state into `dir`. The manifest is written last, so a folder with a manifest is complete.
 */
export async function writeEngineState(dir: string, state: TrainerState, modelHash: string): Promise<void> {
  await makeFolder(dir);
  const files: Record<string, { sha256: string; bytes: number }> = {};
  for (const part of parts) {
    const bytes = bytesOf(state[part]);
    await writeFileAtomic(join(dir, fileOf(part)), bytes);
    files[part] = { sha256: sha256(bytes), bytes: bytes.length };
  }
  const manifest = {
    format: 'gradus-embedded-state@1',
    policyVersion: state.policyVersion,
    optimizerSteps: state.optimizerSteps,
    modelHash,
    files,
  };
  await writeFileAtomic(join(dir, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * Reads a state that `writeEngineState` wrote. Throws an `EngineError` (code `STATE_INVALID`) when it is missing,
 * truncated, edited, or belongs to another model.
 */
export async function readEngineState(
  dir: string,
  parameters: number,
  modelHash: string,
): Promise<TrainerState> {
  const manifest = await readManifest(dir);
  if (manifest.modelHash !== modelHash) {
    throw invalid(
      `${dir}: expected a state of the open model ${modelHash.slice(0, 12)}, ` +
        `got one of ${manifest.modelHash.slice(0, 12)}`,
    );
  }
  const read = async (part: (typeof parts)[number]): Promise<Float32Array> => {
    const path = join(dir, fileOf(part));
    const bytes = await readBytes(path);
    const expected = manifest.files[part];
    if (bytes.length !== expected.bytes || bytes.length !== 4 * parameters) {
      throw invalid(
        `${path}: expected ${expected.bytes} bytes, got ${bytes.length}: truncated or from another model`,
      );
    }
    if (sha256(bytes) !== expected.sha256)
      throw invalid(`${path}: checksum mismatch, the file changed after saving`);
    return new Float32Array(bytes.buffer, bytes.byteOffset, parameters);
  };
  return {
    weights: await read('weights'),
    firstMoment: await read('firstMoment'),
    secondMoment: await read('secondMoment'),
    policyVersion: manifest.policyVersion,
    optimizerSteps: manifest.optimizerSteps ?? manifest.policyVersion,
  };
}

async function readManifest(dir: string): Promise<z.output<typeof manifestSchema>> {
  const path = join(dir, manifestName);
  const bytes = await readBytes(path);
  try {
    return manifestSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw invalid(
      `${path}: expected the manifest of a saved engine state, cannot read it (${String(cause)})`,
      cause,
    );
  }
}

/** Copies into a new, aligned buffer, so that it can be viewed as float32. */
async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return Uint8Array.from(await readFile(path));
  } catch (cause) {
    throw invalid(
      `${path}: expected a file of a saved engine state, cannot read it (${String(cause)})`,
      cause,
    );
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function invalid(message: string, cause?: unknown): EngineError {
  return new EngineError(message, {
    code: 'STATE_INVALID',
    cause,
    tryNext: 'choose an earlier checkpoint of the run',
  });
}
