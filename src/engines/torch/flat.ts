import type { TrainingSequence } from '../../core/batch.ts';
import type { Tensors } from '../../protocol/tensors.ts';

/** What sequences of different lengths are as one flat array. */
export function flattenTokens(all: readonly Int32Array[]): Int32Array {
  const flat = new Int32Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of all) {
    flat.set(one, at);
    at += one.length;
  }
  return flat;
}

/** A flat array as one array per sequence, each a copy. */
export function splitFlat(flat: Float32Array, lengths: readonly number[]): Float32Array[] {
  let at = 0;
  return lengths.map((length) => flat.slice(at, (at += length)));
}

/** The tensors of a training batch. Old log-probabilities that only some sequences have are NaN for the others. */
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
