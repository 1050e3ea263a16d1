import { DataError } from '../../core/errors.ts';

/**
 * Reason why an attempt was made:
 * - `base`: to measure a model as it was loaded, before training;
 * - `training`: to train on it;
 * - `boundary`: to measure the policy again when a stage begins; `stage` is the 0-based index of that stage.
 *
 * Each source numbers its own attempts.
 */
export type AttemptSource =
  | { readonly type: 'base' }
  | { readonly type: 'training' }
  | { readonly type: 'boundary'; readonly stage: number };

/** Returns a source in the format of the store: `base`, `training` or `boundary:2`. */
export function encodeSource(source: AttemptSource): string {
  return source.type === 'boundary' ? `boundary:${source.stage}` : source.type;
}

/** Decodes the output of `encodeSource`. @throws {DataError} for any other string. */
export function decodeSource(text: string): AttemptSource {
  if (text === 'base' || text === 'training') return { type: text };
  const stage = /^boundary:(0|[1-9]\d*)$/.exec(text)?.[1];
  if (stage !== undefined) return { type: 'boundary', stage: Number(stage) };
  throw new DataError(
    `pass-rate store: expected the source of an attempt (base, training or boundary:<stage>), got "${text}"; ` +
      'the store was written by a newer Gradus or edited by hand',
    { tryNext: 'gradus doctor' },
  );
}
