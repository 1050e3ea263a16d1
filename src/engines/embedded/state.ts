import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { EngineError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import type { StateCounts, StateVectors, TrainerState } from './learning/trainer.ts';
import { makeFolder } from '../../storage/make-folder.ts';

const parts = ['weights', 'firstMoment', 'secondMoment'] as const;
const manifestName = 'engine-state.json';
const fileOf = (part: (typeof parts)[number]): string => `${part}.f32`;

/** Bytes read or hashed at a time. */
const sliceBytes = 2 ** 22;

const manifestSchema = z.strictObject({
  format: z.literal('gradus-embedded-state@1'),
  policyVersion: z.int().min(0),
  /** Absent in states from earlier versions, where `policyVersion` counts both. */
  optimizerSteps: z.int().min(0).optional(),
  /** Hash of the run's base model: the reference for KL. */
  modelHash: z.string(),
  /** The sha256 and size in bytes of each array's file, which contains raw little-endian float32. */
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

/** A saved state whose files are complete and unchanged. */
export interface SavedState {
  readonly counts: StateCounts;
  /** Reads the saved arrays into the given ones. */
  read(into: Partial<StateVectors>): Promise<void>;
}

/**
 * Checks a state that `writeEngineState` wrote, reading it in slices. Throws an `EngineError` (code `STATE_INVALID`) if
 * it is missing, truncated or edited, or belongs to a different model.
 *
 * @param parameters number of weights of the model.
 */
export async function openEngineState(
  dir: string,
  parameters: number,
  modelHash: string,
): Promise<SavedState> {
  const manifest = await readManifest(dir);
  if (manifest.modelHash !== modelHash) {
    throw invalid(
      `${dir}: expected a state of the open model ${modelHash.slice(0, 12)}, ` +
        `got a state of ${manifest.modelHash.slice(0, 12)}`,
    );
  }
  for (const part of parts) {
    const path = join(dir, fileOf(part));
    const expected = manifest.files[part];
    const hash = createHash('sha256');
    const bytes = await readSlices(path, (slice) => hash.update(slice));
    if (bytes !== expected.bytes || bytes !== 4 * parameters) {
      throw invalid(
        `${path}: expected ${expected.bytes} bytes, got ${bytes}; the file is truncated or from a different model`,
      );
    }
    if (hash.digest('hex') !== expected.sha256)
      throw invalid(`${path}: checksum mismatch; the file changed after saving`);
  }
  const { policyVersion, optimizerSteps = policyVersion } = manifest;
  return {
    counts: { policyVersion, optimizerSteps },
    read: async (into) => {
      for (const part of parts) {
        const target = into[part];
        if (target === undefined) continue;
        const bytes = bytesOf(target);
        await readSlices(join(dir, fileOf(part)), (slice, offset) => bytes.set(slice, offset));
      }
    },
  };
}

/** Reads a file in slices, in a reused buffer; returns the file's size. */
async function readSlices(
  path: string,
  use: (slice: Uint8Array, offset: number) => unknown,
): Promise<number> {
  try {
    await using file = await open(path);
    const buffer = new Uint8Array(sliceBytes);
    let offset = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, sliceBytes, offset);
      if (bytesRead === 0) return offset;
      use(buffer.subarray(0, bytesRead), offset);
      offset += bytesRead;
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readManifest(dir: string): Promise<z.output<typeof manifestSchema>> {
  const path = join(dir, manifestName);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw invalid(
      `${path}: expected the manifest of a saved engine state, but it cannot be read (${String(cause)})`,
      cause,
    );
  }
}

function unreadable(path: string, cause: unknown): EngineError {
  return invalid(
    `${path}: expected a file of a saved engine state, but it cannot be read (${String(cause)})`,
    cause,
  );
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Hashes in slices: Node.js rejects more than 2 GiB at once. */
function sha256(bytes: Uint8Array): string {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += sliceBytes) hash.update(bytes.subarray(at, at + sliceBytes));
  return hash.digest('hex');
}

function invalid(message: string, cause?: unknown): EngineError {
  return new EngineError(message, {
    code: 'STATE_INVALID',
    cause,
    tryNext: 'choose an earlier checkpoint of the run',
  });
}
