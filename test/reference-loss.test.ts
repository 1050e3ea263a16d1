import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ImportanceTerm, LossSpec, PolicyTerm } from '../src/core/loss-spec.ts';
import { referenceLoss, type ReferenceSequence } from './reference-loss.ts';

interface GoldenLoss {
  readonly loss: number;
  readonly loss_grad: number[][];
  readonly metrics: Record<string, number>;
}
type Rows = number[][];
const golden = JSON.parse(readFileSync(new URL('./golden/golden-losses.json', import.meta.url), 'utf8')) as {
  inputs: Record<'logp' | 'old_logp' | 'rollout_logp' | 'ref_logp' | 'mask', Rows> & {
    advantages_for_losses: number[];
  };
  trl: { loss: Record<string, GoldenLoss> };
  verl: {
    policy_loss: Record<string, GoldenLoss>;
    kl_vs_ref: Record<string, { token_mean: number; grad: Rows }>;
  };
};
const { inputs } = golden;
const lengths = inputs.mask.map((row) => row.filter((value) => value > 0).length);
const allTokens = lengths.reduce((total, length) => total + length, 0);

const weights = {
  tokenMean: () => 1 / allTokens,
  tokenSum: () => 1,
  sequenceMean: (length: number) => 1 / (4 * length),
  sequenceSum: () => 1 / 4,
  perLength: (tokens: number) => () => 1 / (4 * tokens),
};

function goldenSequences(weightOf: (length: number) => number): ReferenceSequence[] {
  return inputs.logp.map((logprobs, row) => ({
    logprobs,
    policyLogprobs: inputs.old_logp[row]!,
    rolloutLogprobs: inputs.rollout_logp[row]!,
    referenceLogprobs: inputs.ref_logp[row]!,
    advantages: logprobs.map(() => inputs.advantages_for_losses[row]!),
    weights: inputs.mask[row]!.map((mask) => mask * weightOf(lengths[row]!)),
  }));
}

const off = { kl: null, entropy: null, importance: null, temperature: 1 } as const;
const ppo = (clipLow: number, clipHigh: number, dualClip: number | null = null): PolicyTerm => ({
  type: 'clipped',
  ratio: 'token',
  clipLow,
  clipHigh,
  dualClip,
});
const gspo = (clipLow: number, clipHigh: number): PolicyTerm => ({
  type: 'clipped',
  ratio: 'sequence',
  clipLow,
  clipHigh,
  dualClip: null,
});
const cispo = (minRatio: number, maxRatio: number): PolicyTerm => ({ type: 'cispo', minRatio, maxRatio });
const loss = (policy: PolicyTerm, more: Partial<LossSpec> = {}): LossSpec => ({ policy, ...off, ...more });
const corrected = (
  level: ImportanceTerm['level'],
  mode: ImportanceTerm['mode'],
  cap: number,
): Partial<LossSpec> => ({ importance: { level, mode, cap } });
const plain = ppo(0.2, 0.2);
const dual = ppo(0.2, 0.2, 3);

type Case = readonly [name: string, spec: LossSpec, weightOf: (length: number) => number];
const trlCases: readonly Case[] = [
  ['grpo eps0.2/0.2 (dr_grpo max_completion_length=8)', loss(plain), weights.sequenceMean],
  ['bnpo eps0.2/0.2 (dr_grpo max_completion_length=8)', loss(plain), weights.tokenMean],
  ['dr_grpo eps0.2/0.2 (dr_grpo max_completion_length=8)', loss(plain), weights.perLength(8)],
  ['dapo eps0.2/0.2 (dr_grpo max_completion_length=8)', loss(plain), weights.tokenMean],
  ['dapo clip-higher 0.2/0.28', loss(ppo(0.2, 0.28)), weights.tokenMean],
  ['grpo two-sided delta=3.0', loss(dual), weights.sequenceMean],
  ['gspo: grpo + sequence level, eps 3e-4/4e-4', loss(gspo(3e-4, 4e-4)), weights.sequenceMean],
  ['gspo: grpo + sequence level, eps 0.2/0.2', loss(gspo(0.2, 0.2)), weights.sequenceMean],
  ['luspo (sequence)', loss(gspo(0.2, 0.2)), weights.sequenceSum],
  ['cispo epsilon_high=5.0', loss(cispo(0, 5)), weights.tokenMean],
  ['cispo epsilon_high=1.2', loss(cispo(0, 1.2)), weights.tokenMean],
  ['grpo beta=0.04 k3', loss(plain, { kl: { estimator: 'k3', coefficient: 0.04 } }), weights.sequenceMean],
  ['dapo + IS token_truncate max3', loss(plain, corrected('token', 'truncate', 3)), weights.tokenMean],
  ['dapo + IS token_mask max1.5', loss(plain, corrected('token', 'mask', 1.5)), weights.tokenMean],
  ['dapo + IS sequence_truncate max3', loss(plain, corrected('sequence', 'truncate', 3)), weights.tokenMean],
  ['dapo + IS sequence_mask max3', loss(plain, corrected('sequence', 'mask', 3)), weights.tokenMean],
];
const verlCases: readonly Case[] = [
  ['vanilla eps0.2 c3 token-mean', loss(dual), weights.tokenMean],
  ['vanilla eps0.2 c3 token-sum', loss(dual), weights.tokenSum],
  ['vanilla eps0.2 c3 seq-mean-token-sum', loss(dual), weights.sequenceSum],
  ['vanilla eps0.2 c3 seq-mean-token-mean', loss(dual), weights.sequenceMean],
  ['vanilla eps0.2 c3 seq-mean-token-sum-norm', loss(dual), weights.perLength(6)],
  ['vanilla seq-mean-token-sum-norm loss_scale_factor=8 (Dr.GRPO)', loss(dual), weights.perLength(8)],
  ['vanilla clip-higher 0.2/0.28 token-mean (DAPO)', loss(ppo(0.2, 0.28, 3)), weights.tokenMean],
  ['vanilla eps0.2 no dual clip (c=1e9) token-mean', loss(plain), weights.tokenMean],
  ['gspo 3e-4/4e-4', loss(gspo(3e-4, 4e-4)), weights.sequenceMean],
  ['gspo 0.2/0.2', loss(gspo(0.2, 0.2)), weights.sequenceMean],
  ['cispo 0.2/0.2 token-mean', loss(cispo(0.8, 1.2)), weights.tokenMean],
  ['cispo low=1.0 high=4.0 (clamp[0,5]) token-mean', loss(cispo(0, 5)), weights.tokenMean],
  ['gpg token-mean', loss({ type: 'reinforce' }), weights.tokenMean],
  ['vanilla + TIS token 2.0, token-mean', loss(dual, corrected('token', 'truncate', 2)), weights.tokenMean],
];

/** Returns the largest difference in value or gradient. TRL and verl add an ε of about 1e-8 in their means. */
function distance(ours: ReturnType<typeof referenceLoss>, value: number, gradient: Rows): number {
  const gaps = gradient.flatMap((row, i) => row.map((slope, t) => Math.abs(slope - ours.gradient[i]![t]!)));
  return Math.max(Math.abs(ours.loss - value), ...gaps);
}

describe('same value and gradient as', () => {
  test.each(trlCases)('TRL %s', (name, spec, weightOf) => {
    const theirs = golden.trl.loss[name]!;
    const ours = referenceLoss(spec, goldenSequences(weightOf));
    expect(distance(ours, theirs.loss, theirs.loss_grad)).toBeLessThan(1e-6);
  });

  test.each(verlCases)('verl %s', (name, spec, weightOf) => {
    const theirs = golden.verl.policy_loss[name]!;
    const ours = referenceLoss(spec, goldenSequences(weightOf));
    expect(distance(ours, theirs.loss, theirs.loss_grad)).toBeLessThan(1e-6);
  });

  test.each(['k1', 'k2', 'k3'] as const)('verl KL %s', (estimator) => {
    const theirs = golden.verl.kl_vs_ref[estimator]!;
    const sequences = goldenSequences(weights.tokenMean).map((row) => ({
      ...row,
      advantages: Array.from(row.advantages, () => 0),
    }));
    const ours = referenceLoss(loss(plain, { kl: { estimator, coefficient: 1 } }), sequences);
    expect(distance(ours, theirs.token_mean, theirs.grad)).toBeLessThan(1e-6);
    expect(ours.kl).toBeCloseTo(theirs.token_mean, 9);
  });

  test("TRL's clip shares", () => {
    const ours = referenceLoss(loss(plain), goldenSequences(weights.sequenceMean));
    const theirs = golden.trl.loss['grpo eps0.2/0.2 (dr_grpo max_completion_length=8)']!.metrics;
    expect(ours.clipLow).toBeCloseTo(theirs['clip_ratio/low_mean']!, 9);
    expect(ours.clipHigh).toBeCloseTo(theirs['clip_ratio/high_mean']!, 9);
  });
});

const finite = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const anySequence = fc
  .array(
    fc.record({
      logprob: finite(-5, -0.01),
      old: finite(-5, -0.01),
      rollout: finite(-5, -0.01),
      reference: finite(-5, -0.01),
      entropy: finite(0, 3),
      weighs: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .chain((tokens) =>
    fc
      .record({ advantage: finite(-2, 2), weight: finite(0.01, 1) })
      .map(({ advantage, weight }): ReferenceSequence => ({
        logprobs: tokens.map((token) => token.logprob),
        policyLogprobs: tokens.map((token) => token.old),
        rolloutLogprobs: tokens.map((token) => token.rollout),
        referenceLogprobs: tokens.map((token) => token.reference),
        entropies: tokens.map((token) => token.entropy),
        advantages: tokens.map(() => advantage),
        weights: tokens.map((token) => (token.weighs ? weight : 0)),
      })),
  );
const anyPolicy = fc.constantFrom<PolicyTerm>(plain, dual, gspo(0.2, 0.3), cispo(0.5, 2), {
  type: 'reinforce',
});
const anyLoss = fc
  .record({
    policy: anyPolicy,
    estimator: fc.constantFrom('k1' as const, 'k2' as const, 'k3' as const),
    level: fc.constantFrom('token' as const, 'sequence' as const),
    mode: fc.constantFrom('truncate' as const, 'mask' as const),
  })
  .map(({ policy, estimator, level, mode }) =>
    loss(policy, {
      kl: { estimator, coefficient: 0.1 },
      entropy: { coefficient: 0.01 },
      importance: { level, mode, cap: 2 },
    }),
  );

/** Returns the largest difference relative to the size of the numbers. */
function worstGap(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!) / (1 + Math.abs(value))));
}

function flat({ loss: value, gradient }: ReturnType<typeof referenceLoss>): number[] {
  return [value, ...gradient.flatMap((row) => [...row])];
}

test('splitting into microbatches does not change the loss', () => {
  fc.assert(
    fc.property(
      anyLoss,
      fc.array(anySequence, { minLength: 1, maxLength: 5 }),
      fc.nat(5),
      (spec, rows, at) => {
        const whole = referenceLoss(spec, rows);
        const parts = [referenceLoss(spec, rows.slice(0, at)), referenceLoss(spec, rows.slice(at))];
        const joined = [
          parts[0]!.loss + parts[1]!.loss,
          ...parts.flatMap(({ gradient }) => gradient.flatMap((row) => [...row])),
        ];
        expect(worstGap(flat(whole), joined)).toBeLessThan(1e-12);
      },
    ),
  );
});

test('padding and order do not change the loss', () => {
  const pad = (values: ArrayLike<number>, value: number): number[] => [...Array.from(values), value, value];
  const padded = (row: ReferenceSequence): ReferenceSequence => ({
    weights: pad(row.weights, 0),
    logprobs: pad(row.logprobs, -99),
    policyLogprobs: pad(row.policyLogprobs!, 7),
    rolloutLogprobs: pad(row.rolloutLogprobs, Number.NaN),
    referenceLogprobs: pad(row.referenceLogprobs!, 3),
    entropies: pad(row.entropies!, Infinity),
    advantages: pad(row.advantages, 1e9),
  });
  fc.assert(
    fc.property(anyLoss, fc.array(anySequence, { minLength: 1, maxLength: 4 }), (spec, rows) => {
      const plainly = referenceLoss(spec, rows);
      const other = referenceLoss(spec, rows.map(padded).toReversed());
      const gradient = other.gradient.toReversed().map((row) => row.slice(0, -2));
      expect(worstGap(flat(plainly), flat({ ...other, gradient }))).toBeLessThan(1e-12);
    }),
  );
});

test('the gradient is the derivative of the loss', () => {
  // No importance or CISPO weights here: those count as constants only in the gradient.
  const smooth = fc.constantFrom<PolicyTerm>(plain, dual, gspo(0.2, 0.3), { type: 'reinforce' });
  fc.assert(
    fc.property(smooth, anySequence, fc.nat(7), (policy, row, at) => {
      const t = at % row.weights.length;
      const spec = loss(policy, { kl: { estimator: 'k3', coefficient: 0.1 } });
      const moved = (step: number): ReferenceSequence => ({
        ...row,
        logprobs: Array.from(row.logprobs, (value, i) => (i === t ? value + step : value)),
      });
      const h = 1e-6;
      const [before, after] = [referenceLoss(spec, [moved(-h)]), referenceLoss(spec, [moved(h)])];
      // The loss has no derivative at a kink between the two points.
      fc.pre(before.clipLow === after.clipLow && before.clipHigh === after.clipHigh);
      const slope = referenceLoss(spec, [row]).gradient[0]![t]!;
      const measured = (after.loss - before.loss) / (2 * h);
      expect(Math.abs(slope - measured) / (1 + Math.abs(slope))).toBeLessThan(1e-5);
    }),
  );
});

test('without old log-probabilities the ratio is 1 and still has a gradient', () => {
  const row = { weights: [1], advantages: [2], rolloutLogprobs: [-1], logprobs: [-1] };
  expect(referenceLoss(loss(plain), [row])).toMatchObject({ loss: -2, gradient: [Float64Array.of(-2)] });
});

test('supervised loss ignores advantages; missing inputs are named', () => {
  const row = { weights: [0, 0.5], advantages: [9, 9], rolloutLogprobs: [0, 0], logprobs: [0, -3] };
  expect(referenceLoss(loss({ type: 'cross-entropy' }), [row])).toMatchObject({ loss: 1.5, tokens: 1 });
  const kl = { estimator: 'k1', coefficient: 1 } as const;
  expect(() => referenceLoss(loss(plain, { kl }), [row])).toThrow('referenceLogprobs');
  expect(() => referenceLoss(loss(plain, { entropy: { coefficient: 1 } }), [row])).toThrow('entropies');
});
