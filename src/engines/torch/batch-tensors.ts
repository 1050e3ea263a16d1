import type { TrainingSequence } from '../../core/batch.ts';
import type { Tensors } from '../../protocol/tensors.ts';
import { flattenTokens } from '../flatten-tokens.ts';

/** Splits a flat array into one copy per sequence. */
export function splitFlat(flat: Float32Array, lengths: readonly number[]): Float32Array[] {
  let at = 0;
  return lengths.map((length) => flat.slice(at, (at += length)));
}

/** Tensors of a training batch. Where only some sequences have old log-probabilities, the others get NaN. */
export function trainingTensors(sequences: readonly TrainingSequence[]): Tensors {
  const values = (of: (sequence: TrainingSequence) => Float32Array | undefined): Float32Array => {
    const flat = new Float32Array(sequences.reduce((sum, { tokens }) => sum + tokens.length, 0)).fill(NaN);
    let at = 0;
    for (const sequence of sequences) {
      flat.set(of(sequence) ?? [], at);
      at += sequence.tokens.length;
    }
    return flat;
  };
  const has = (name: 'policyLogprobs' | 'referenceLogprobs'): boolean =>
    sequences.some((sequence) => sequence[name] !== undefined);
  return {
    tokens: flattenTokens(sequences.map(({ tokens }) => tokens)),
    weights: values(({ weights }) => weights),
    advantages: values(({ advantages }) => advantages),
    rolloutLogprobs: values(({ rolloutLogprobs }) => rolloutLogprobs),
    ...(has('policyLogprobs') && { policyLogprobs: values(({ policyLogprobs }) => policyLogprobs) }),
    ...(has('referenceLogprobs') && {
      referenceLogprobs: values(({ referenceLogprobs }) => referenceLogprobs),
    }),
  };
}
