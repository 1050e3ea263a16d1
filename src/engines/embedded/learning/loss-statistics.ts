import type { TrainingBatch } from '../../../core/batch.ts';
import type { LossStats } from '../../engine.ts';
import type { Microbatch } from './microbatches.ts';
import { splitRows } from './microbatches.ts';
import type { TokenMeasurements } from './pass.ts';

/** Sums over tokens with non-zero weight, by name of the measurement, in double precision and batch order. */
type Sums = Map<string, number>;

/** Summarises the measurements of a batch's microbatches as `LossStats`. */
export function lossStatistics(
  { sequences }: TrainingBatch,
  results: readonly { readonly microbatch: Microbatch; readonly measured: TokenMeasurements }[],
): LossStats {
  const byName = new Map<string, Float32Array[]>();
  for (const { microbatch, measured } of results) scatter(byName, microbatch, measured, sequences);
  const logprobs = byName.get('logprobs') ?? [];
  const sums: Sums = new Map();
  let [tokens, gap] = [0, 0];
  for (const [index, { weights, rolloutLogprobs }] of sequences.entries()) {
    for (let t = 1; t < weights.length; t++) {
      if (weights[t] === 0) continue;
      tokens++;
      const [rollout, current] = [rolloutLogprobs[t]!, logprobs[index]![t]!];
      addTo(sums, 'mismatchKl', rollout - current);
      gap = Math.max(gap, Math.abs(Math.exp(current) - Math.exp(rollout)));
      for (const [name, values] of byName) addTo(sums, name, values[index]![t]!);
    }
  }
  const means = ['entropy', 'kl', 'clipLow', 'clipHigh', 'mismatchKl'].filter((name) => sums.has(name));
  return {
    ...Object.fromEntries(means.map((name) => [name, sums.get(name)! / tokens])),
    ...(tokens === 0 ? {} : { maxProbabilityGap: gap }),
    loss: sums.get('loss') ?? 0,
    tokens,
    processedTokens: sequences.reduce((total, sequence) => total + sequence.tokens.length, 0),
    sequences: sequences.length,
    logprobs,
  };
}

function scatter(
  byName: Map<string, Float32Array[]>,
  { sequences: indices, shape }: Microbatch,
  measured: TokenMeasurements,
  sequences: TrainingBatch['sequences'],
): void {
  const rows = indices.map((index) => sequences[index]!);
  for (const [name, values] of Object.entries(measured)) {
    const perSequence = byName.get(name) ?? [];
    byName.set(name, perSequence);
    for (const [row, array] of splitRows(values, rows, shape).entries()) perSequence[indices[row]!] = array;
  }
}

function addTo(sums: Sums, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value);
}
