import type { TokenSequence, TrainingSequence } from '../../core/batch.ts';
import type { Tensors } from '../../protocol/tensors.ts';
import { flattenTokens } from '../flatten-tokens.ts';

/** Splits a flat array into one copy per sequence. */
export function splitFlat(flat: Float32Array, lengths: readonly number[]): Float32Array[] {
  let at = 0;
  return lengths.map((length) => flat.slice(at, (at += length)));
}

/**
 * Returns the request field that announces targets, if any sequence has them. A worker that does not know the field
 * rejects the request.
 */
export const targetField = (sequences: readonly TokenSequence[]): { readonly withTargets?: true } =>
  sequences.some(({ targets }) => targets !== undefined) ? { withTargets: true } : {};

/** Returns the tensors of sequences to score: `tokens`, and `targets` if any sequence has them. */
export const tokenTensors = (sequences: readonly TokenSequence[]): Tensors => ({
  tokens: flattenTokens(sequences.map(({ tokens }) => tokens)),
  ...(targetField(sequences).withTargets && {
    targets: flattenTokens(sequences.map(({ tokens, targets = tokens }) => targets)),
  }),
});

/**
 * Returns the tensors of a training batch. If only some sequences have old log-probabilities, the others get
 * NaN.
 */
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
    ...tokenTensors(sequences),
    weights: values(({ weights }) => weights),
    advantages: values(({ advantages }) => advantages),
    rolloutLogprobs: values(({ rolloutLogprobs }) => rolloutLogprobs),
    ...(has('policyLogprobs') && { policyLogprobs: values(({ policyLogprobs }) => policyLogprobs) }),
    ...(has('referenceLogprobs') && {
      referenceLogprobs: values(({ referenceLogprobs }) => referenceLogprobs),
    }),
  };
}
