import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { referenceLoss, type ReferenceSequence } from '../../../../test/reference-loss.ts';
import type { KlTerm, LossSpec, PolicyTerm } from '../../../core/loss-spec.ts';
import { compile, constant, gradients, input } from '../graph/graph.ts';
import { lossGraph, lossKind, lossScalars } from './loss-graph.ts';
import { lossFeeds } from './microbatches.ts';
import { add, multiply } from '../graph/ops/elementwise.ts';
import { sumAll } from '../graph/ops/shaping.ts';
import { openProgram } from '../graph/program.ts';

interface LossResult {
  readonly loss: number;
  readonly gradient: readonly number[][];
  readonly means: Readonly<Record<string, number>>;
}

/** Runs the loss graph on given log-probabilities; entropy is 0.5 everywhere. */
async function graphLoss(spec: LossSpec, sequences: readonly ReferenceSequence[]): Promise<LossResult> {
  const longest = Math.max(...sequences.map(({ weights }) => weights.length));
  const shape = { rows: sequences.length, positions: longest + 2 };
  const size = [shape.rows, shape.positions];
  const logprobs = input('logprobs', 'float32', size);
  const entropy = multiply(
    constant(0.5),
    constant(new Float32Array(shape.rows * shape.positions).fill(1), size),
  );
  const { loss, ...measured } = lossGraph(spec, logprobs, entropy, shape);
  const [gradient] = gradients(sumAll(loss), [logprobs], add);
  const shown = Object.entries(measured).filter(([, value]) => value !== null);
  const program = await openProgram(compile({ loss, gradient: gradient!, ...Object.fromEntries(shown) }), 1);
  const padding = new Float32Array(shape.rows * shape.positions).fill(-80);
  for (const [row, sequence] of sequences.entries())
    padding.set(Array.from(sequence.logprobs), row * shape.positions);
  const feeds = {
    ...lossFeeds(sequences.map(asTraining), shape),
    ...lossScalars(spec),
    logprobs: padding,
  };
  const outputs = await program.run(feeds);
  await program.close();
  const total = (name: string): number => outputs[name]!.reduce((sum, x) => sum + x, 0);
  const tokens = sequences.reduce(
    (count, { weights }) => count + Array.from(weights).filter((w) => w !== 0).length,
    0,
  );
  return {
    loss: total('loss'),
    gradient: sequences.map(({ weights }, row) =>
      Array.from(
        outputs['gradient']!.subarray(row * shape.positions, row * shape.positions + weights.length),
      ),
    ),
    means: Object.fromEntries(shown.map(([name]) => [name, total(name) / Math.max(1, tokens)])),
  };
}

/** Converts a reference sequence by prepending a token, because position t of the graph refers to token t + 1. */
function asTraining(sequence: ReferenceSequence) {
  const shifted = (values: ArrayLike<number>): Float32Array => Float32Array.from([0, ...Array.from(values)]);
  const { policyLogprobs, referenceLogprobs } = sequence;
  return {
    tokens: new Int32Array(sequence.weights.length + 1),
    weights: shifted(sequence.weights),
    advantages: shifted(sequence.advantages),
    rolloutLogprobs: shifted(sequence.rolloutLogprobs),
    ...(policyLogprobs && { policyLogprobs: shifted(policyLogprobs) }),
    ...(referenceLogprobs && { referenceLogprobs: shifted(referenceLogprobs) }),
  };
}

/** Returns the largest difference in value or gradient, relative to the magnitude of the numbers. */
function worstGap(ours: LossResult, loss: number, gradient: readonly ArrayLike<number>[]): number {
  const gap = (a: number, b: number): number => Math.abs(a - b) / (1 + Math.abs(a));
  const slopes = gradient.flatMap((row, i) =>
    Array.from(ours.gradient[i]!, (slope, t) => gap(slope, row[t]!)),
  );
  return Math.max(gap(ours.loss, loss), ...slopes);
}

type Rows = number[][];
interface GoldenLoss {
  readonly loss: number;
  readonly loss_grad: Rows;
}
const golden = JSON.parse(
  readFileSync(new URL('../../../../test/golden/golden-losses.json', import.meta.url), 'utf8'),
) as {
  inputs: Record<'logp' | 'old_logp' | 'rollout_logp' | 'ref_logp' | 'mask', Rows> & {
    advantages_for_losses: number[];
  };
  trl: { loss: Record<string, GoldenLoss> };
  verl: {
    policy_loss: Record<string, GoldenLoss>;
    kl_vs_ref: Record<string, { token_mean: number; grad: Rows }>;
  };
};

const lengths = golden.inputs.mask.map((row) => row.filter((value) => value > 0).length);
const tokenMean = (): number => 1 / 17;
const sequenceMean = (length: number): number => 1 / (4 * length);

function goldenSequences(weightOf: (length: number) => number): ReferenceSequence[] {
  const { logp, old_logp, rollout_logp, ref_logp, mask, advantages_for_losses } = golden.inputs;
  return logp.map((logprobs, row) => ({
    logprobs,
    policyLogprobs: old_logp[row]!,
    rolloutLogprobs: rollout_logp[row]!,
    referenceLogprobs: ref_logp[row]!,
    advantages: logprobs.map(() => advantages_for_losses[row]!),
    weights: mask[row]!.map((value) => value * weightOf(lengths[row]!)),
  }));
}

const off = { kl: null, entropy: null, importance: null, temperature: 1 } as const;
const clipped = (clipLow: number, clipHigh: number, dualClip: number | null = null): LossSpec => ({
  policy: { type: 'clipped', ratio: 'token', clipLow, clipHigh, dualClip },
  ...off,
});
const gspo = (clipLow: number, clipHigh: number): LossSpec => ({
  policy: { type: 'clipped', ratio: 'sequence', clipLow, clipHigh, dualClip: null },
  ...off,
});
const cispo = (minRatio: number, maxRatio: number): LossSpec => ({
  policy: { type: 'cispo', minRatio, maxRatio },
  ...off,
});
const tis = (level: 'token' | 'sequence', mode: 'truncate' | 'mask', cap: number): LossSpec => ({
  ...clipped(0.2, 0.2),
  importance: { level, mode, cap },
});

type Case = readonly [name: string, spec: LossSpec, weightOf: (length: number) => number];
const trlCases: readonly Case[] = [
  ['grpo eps0.2/0.2 (dr_grpo max_completion_length=8)', clipped(0.2, 0.2), sequenceMean],
  ['dr_grpo eps0.2/0.2 (dr_grpo max_completion_length=8)', clipped(0.2, 0.2), () => 1 / 32],
  ['dapo clip-higher 0.2/0.28', clipped(0.2, 0.28), tokenMean],
  ['grpo two-sided delta=3.0', clipped(0.2, 0.2, 3), sequenceMean],
  ['gspo: grpo + sequence level, eps 3e-4/4e-4', gspo(3e-4, 4e-4), sequenceMean],
  ['gspo: grpo + sequence level, eps 0.2/0.2', gspo(0.2, 0.2), sequenceMean],
  ['cispo epsilon_high=5.0', cispo(0, 5), tokenMean],
  ['cispo epsilon_high=1.2', cispo(0, 1.2), tokenMean],
  ['grpo beta=0.04 k3', { ...clipped(0.2, 0.2), kl: { estimator: 'k3', coefficient: 0.04 } }, sequenceMean],
  ['dapo + IS token_truncate max3', tis('token', 'truncate', 3), tokenMean],
  ['dapo + IS token_mask max1.5', tis('token', 'mask', 1.5), tokenMean],
  ['dapo + IS sequence_truncate max3', tis('sequence', 'truncate', 3), tokenMean],
  ['dapo + IS sequence_mask max3', tis('sequence', 'mask', 3), tokenMean],
];
const verlCases: readonly Case[] = [
  ['vanilla eps0.2 c3 token-mean', clipped(0.2, 0.2, 3), tokenMean],
  ['vanilla eps0.2 c3 token-sum', clipped(0.2, 0.2, 3), () => 1],
  ['gspo 3e-4/4e-4', gspo(3e-4, 4e-4), sequenceMean],
  ['cispo 0.2/0.2 token-mean', cispo(0.8, 1.2), tokenMean],
  ['gpg token-mean', { policy: { type: 'reinforce' }, ...off }, tokenMean],
];

test.each(trlCases)('matches the value and gradient of TRL %s', async (name, spec, weightOf) => {
  const theirs = golden.trl.loss[name]!;
  const ours = await graphLoss(spec, goldenSequences(weightOf));
  expect(worstGap(ours, theirs.loss, theirs.loss_grad)).toBeLessThan(1e-6);
});

test.each(verlCases)('matches the value and gradient of verl %s', async (name, spec, weightOf) => {
  const theirs = golden.verl.policy_loss[name]!;
  const ours = await graphLoss(spec, goldenSequences(weightOf));
  expect(worstGap(ours, theirs.loss, theirs.loss_grad)).toBeLessThan(1e-6);
});

test.each(['k1', 'k2', 'k3'] as const)('matches the KL and gradient of verl %s', async (estimator) => {
  const theirs = golden.verl.kl_vs_ref[estimator]!;
  const sequences = goldenSequences(tokenMean).map((row) => ({
    ...row,
    advantages: Array.from(row.advantages, () => 0),
  }));
  const ours = await graphLoss({ ...clipped(0.2, 0.2), kl: { estimator, coefficient: 1 } }, sequences);
  expect(worstGap(ours, theirs.token_mean, theirs.grad)).toBeLessThan(1e-6);
  expect(ours.means['kl']).toBeCloseTo(theirs.token_mean, 6);
});

const finite = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const token = fc.record({
  logprob: finite(-5, -0.01),
  old: finite(-5, -0.01),
  rollout: finite(-5, -0.01),
  reference: finite(-5, -0.01),
  advantage: finite(-2, 2),
  weight: fc.oneof(fc.constant(0), finite(0.01, 1)),
});
const anySequence = fc
  .tuple(fc.array(token, { minLength: 1, maxLength: 8 }), fc.boolean())
  .map(([tokens, isOnPolicy]): ReferenceSequence => ({
    logprobs: tokens.map(({ logprob }) => Math.fround(logprob)),
    ...(isOnPolicy ? {} : { policyLogprobs: tokens.map(({ old }) => Math.fround(old)) }),
    rolloutLogprobs: tokens.map(({ rollout }) => Math.fround(rollout)),
    referenceLogprobs: tokens.map(({ reference }) => Math.fround(reference)),
    entropies: tokens.map(() => 0.5),
    advantages: tokens.map(({ advantage }) => Math.fround(advantage)),
    weights: tokens.map(({ weight }) => Math.fround(weight)),
  }));
const policy = fc.constantFrom<PolicyTerm>(
  clipped(0.2, 0.28).policy,
  clipped(0.2, 0.2, 3).policy,
  gspo(0.2, 0.3).policy,
  cispo(0.5, 2).policy,
  { type: 'reinforce' },
  { type: 'cross-entropy' },
);
const anyLoss = fc.record<LossSpec>({
  policy,
  kl: fc.option(
    fc.record<KlTerm>({ estimator: fc.constantFrom('k1', 'k2', 'k3'), coefficient: finite(0, 0.2) }),
  ),
  entropy: fc.option(fc.record({ coefficient: finite(0, 0.1) })),
  importance: fc.option(
    fc.record({
      level: fc.constantFrom<'token' | 'sequence'>('token', 'sequence'),
      mode: fc.constantFrom<'truncate' | 'mask'>('truncate', 'mask'),
      cap: fc.constant(2),
    }),
  ),
  temperature: fc.constant(1),
});

test('matches the float64 reference in value and gradient on random batches of every loss', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyLoss,
      fc.array(anySequence, { minLength: 1, maxLength: 4 }),
      async (spec, sequences) => {
        const theirs = referenceLoss(spec, sequences);
        const ours = await graphLoss(spec, sequences);
        expect(worstGap(ours, theirs.loss, theirs.gradient)).toBeLessThan(1e-4);
        const { kl = 0, clipLow = 0, clipHigh = 0 } = ours.means;
        expect(kl).toBeCloseTo(theirs.kl, 3);
        expect(clipLow).toBeCloseTo(theirs.clipLow, 6);
        expect(clipHigh).toBeCloseTo(theirs.clipHigh, 6);
      },
    ),
    { numRuns: 100 },
  );
});

test('lossKind ignores changed numbers, but distinguishes losses with different structure', () => {
  expect(lossKind(clipped(0.1, 0.3, 5))).toBe(lossKind(clipped(0.2, 0.2)));
  const kinds = [
    clipped(0.2, 0.2),
    gspo(0.2, 0.2),
    cispo(0, 5),
    tis('token', 'mask', 2),
    tis('sequence', 'mask', 2),
  ];
  expect(new Set(kinds.map(lossKind)).size).toBe(kinds.length);
});
