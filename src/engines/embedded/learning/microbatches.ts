import type { TokenSequence, TrainingSequence } from '../../../core/batch.ts';
import type { TopLogprobs } from '../../engine.ts';
import type { Arrays } from '../graph/program.ts';
import type { TokenInput } from './loss-graph.ts';
import type { BatchShape } from '../transformer.ts';

/** Sequences from a batch that run together, and their padded shape. */
export interface Microbatch {
  /** Indices into the batch, one per row. */
  readonly sequences: readonly number[];
  readonly shape: BatchShape;
}

/**
 * Splits a batch into microbatches of similar lengths, longest first. The split depends only on the lengths and the
 * limit, so the same batch gives the same sums on every run and machine.
 *
 * A sequence of T tokens needs T − 1 positions (the first token is not predicted), rounded up by at most 1/8.
 * Microbatches have as many rows as fit; only the last ones are smaller, so a run needs few different programs.
 *
 * @param rowsFor returns the number of rows with this many positions that may run at once, ≥ 1
 */
export function planMicrobatches(
  sequences: readonly TokenSequence[],
  rowsFor: (positions: number) => number,
): Microbatch[] {
  const lengthOf = (index: number): number => sequences[index]!.tokens.length;
  const byLength = [...sequences.keys()].toSorted((a, b) => lengthOf(b) - lengthOf(a) || a - b);
  const planned: Microbatch[] = [];
  for (let start = 0; start < byLength.length;) {
    const positions = roundPositions(lengthOf(byLength[start]!) - 1);
    const rows = Math.min(rowsFor(positions), roundRows(byLength.length - start));
    const taken = byLength.slice(start, start + rows);
    planned.push({ sequences: taken, shape: { rows, positions } });
    start += taken.length;
  }
  return planned;
}

/** Rounds up to the next multiple of 8; above 128, to the next of eight steps between powers of two. */
function roundPositions(count: number): number {
  const step = Math.max(8, 2 ** Math.floor(Math.log2(Math.max(1, count))) / 8);
  return Math.max(step, Math.ceil(count / step) * step);
}

/**
 * Rounds down to one of four steps between powers of two, so that no row is empty and few different shapes
 * occur.
 */
function roundRows(count: number): number {
  const step = Math.max(1, 2 ** Math.floor(Math.log2(count)) / 4);
  return Math.floor(count / step) * step;
}

/** Builds `tokens` and `targets` of a microbatch: token t and target t + 1 at position t; 0 at padding. */
export function tokenFeeds(sequences: readonly TokenSequence[], { rows, positions }: BatchShape): Arrays {
  const tokens = new Int32Array(rows * positions);
  const targets = new Int32Array(rows * positions);
  for (const [row, sequence] of sequences.entries()) {
    tokens.set(sequence.tokens.subarray(0, -1), row * positions);
    targets.set((sequence.targets ?? sequence.tokens).subarray(1), row * positions);
  }
  return { tokens, targets };
}

/**
 * Builds the per-token inputs of the loss: position t has the values of token t + 1, or 0 if the token's weight is 0.
 */
export function lossFeeds(sequences: readonly TrainingSequence[], { rows, positions }: BatchShape): Arrays {
  const hasPolicy = new Float32Array(rows);
  for (const [row, { policyLogprobs }] of sequences.entries())
    hasPolicy[row] = policyLogprobs === undefined ? 0 : 1;
  const shifted = (of: (sequence: TrainingSequence) => Float32Array | undefined): Float32Array => {
    const values = new Float32Array(rows * positions);
    for (const [row, sequence] of sequences.entries())
      copyActive(sequence, of(sequence), values, row * positions);
    return values;
  };
  const perToken: Record<TokenInput, Float32Array> = {
    weights: shifted(({ weights }) => weights),
    active: shifted(({ weights }) => new Float32Array(weights.length).fill(1)),
    advantages: shifted(({ advantages }) => advantages),
    rolloutLogprobs: shifted(({ rolloutLogprobs }) => rolloutLogprobs),
    policyLogprobs: shifted(({ policyLogprobs }) => policyLogprobs),
    referenceLogprobs: shifted(({ referenceLogprobs }) => referenceLogprobs),
  };
  return { ...perToken, hasPolicy };
}

/** Copies the entries with non-zero weight; the other entries stay 0, regardless of their value in the source. */
function copyActive(
  { weights }: TrainingSequence,
  source: Float32Array | undefined,
  target: Float32Array,
  offset: number,
): void {
  if (source === undefined) return;
  for (let t = 1; t < weights.length; t++) if (weights[t] !== 0) target[offset + t - 1] = source[t]!;
}

/** Splits values [rows, positions] into one array per sequence, with the sequence's length; entry 0 is 0. */
export function splitRows(
  values: Float32Array,
  sequences: readonly TokenSequence[],
  { positions }: BatchShape,
): Float32Array[] {
  return sequences.map(({ tokens }, row) => {
    const own = new Float32Array(tokens.length);
    own.set(values.subarray(row * positions, row * positions + tokens.length - 1), 1);
    return own;
  });
}

/** Splits the result of a `TopJob` by sequence: [rows · positions, 2 · count], values before tokens. */
export function splitTop(
  values: Float32Array,
  sequences: readonly TokenSequence[],
  { positions }: BatchShape,
  count: number,
): TopLogprobs[] {
  return sequences.map(({ tokens: { length } }, row) => {
    const [tokens, logprobs] = [new Int32Array(length * count), new Float32Array(length * count)];
    for (let t = 1; t < length; t++) {
      const at = 2 * count * (row * positions + t - 1);
      logprobs.set(values.subarray(at, at + count), t * count);
      tokens.set(values.subarray(at + count, at + 2 * count), t * count);
    }
    return { tokens, logprobs };
  });
}
