import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Rollout, RolloutGroup } from '../core/rollout.ts';
import type { Outcome } from '../core/verdict.ts';
import {
  algorithmConfig,
  createAlgorithm,
  overrideAlgorithm,
  algorithmOverrides,
  type AlgorithmConfig,
} from './algorithm.ts';
import { cispo } from './cispo.ts';
import { dapo } from './dapo.ts';
import { drGrpo } from './dr-grpo.ts';
import { grpo } from './grpo.ts';
import { gspo } from './gspo.ts';
import { reinforce } from './reinforce.ts';
import { outcomeReward, rewardConfig, scoreReward, rewardOf } from './reward.ts';
import { rloo } from './rloo.ts';
import { scoreGroup } from './scored-group.ts';
import { buildTrainingBatch } from './training-batch.ts';
import { type SingleTurn, singleTurn } from '../testing/single-turn.ts';

const parse = (config: unknown): AlgorithmConfig => algorithmConfig.parse(config);
const create = (config: unknown) => createAlgorithm(parse(config));
const reward = rewardConfig.parse(outcomeReward());
const maxTokens = 10;

function rollout(outcome: Outcome, length: number, more: Partial<SingleTurn> = {}): Rollout {
  const tokens = Int32Array.from({ length }, (_, i) => 10 + i);
  return {
    problemId: 'p',
    index: 0,
    transcripts: [singleTurn({ promptTokens: Int32Array.of(1, 2), tokens, ...more })],
    verdict: { outcome, score: outcome === 'correct' ? 1 : 0.25, reason: '', verifier: 'v@1' },
  };
}
const group = (...rollouts: Rollout[]): RolloutGroup => ({
  problem: { id: 'p', domain: 'math', prompt: [], source: 'test' },
  rollouts,
});
const weightSum = (sequences: readonly { readonly weights: Float32Array }[]): number =>
  sequences.reduce((total, { weights }) => total + weights.reduce((a, b) => a + b, 0), 0);

describe('advantages', () => {
  const golden = JSON.parse(
    readFileSync(new URL('../../test/golden/golden-losses.json', import.meta.url), 'utf8'),
  ) as { inputs: Record<string, number[]>; verl: { advantages: Record<string, Record<string, number[]>> } };

  test.each([
    ['grpo_norm_std', grpo()],
    ['grpo_norm_std', dapo()],
    ['grpo_norm_std', gspo()],
    ['grpo_norm_std', cispo()],
    ['grpo_no_std (dr_grpo)', drGrpo()],
    ['rloo', rloo()],
    ['TRL none', reinforce({ baseline: 'group-mean' })],
    ['TRL group (formula from grpo_trainer.py: /(std_unbiased+1e-4))', grpo({ advantageEpsilon: 1e-4 })],
  ])("verl's %s gives the same advantages as %o", (name, config) => {
    for (const rewards of ['rewards', 'rewards_b']) {
      const ours = create(config).advantages(golden.inputs[rewards]!);
      const theirs = golden.verl.advantages[rewards]![name]!;
      expect(Math.max(...theirs.map((value, i) => Math.abs(value - ours[i]!)))).toBeLessThan(1e-6);
    }
  });

  test('equal rewards give exact zeros, even if their mean is rounded', () => {
    for (const config of [grpo(), drGrpo(), rloo()]) {
      expect([...create(config).advantages([0.1, 0.1, 0.1])]).toEqual([0, 0, 0]);
      expect([...create(config).advantages([1])]).toEqual([0]);
    }
    expect([...create(grpo()).advantages([0.3, 0.1 + 0.2])]).toEqual([0, 0]);
    expect([...create(reinforce()).advantages([0.5, 0.5])]).toEqual([0.5, 0.5]);
  });
});

describe('rewards', () => {
  const verdict = (outcome: Outcome, score: number) => ({ outcome, score, reason: '', verifier: 'v@1' });
  test('depend on the outcome or on the score, as configured', () => {
    expect(rewardOf(rewardConfig.parse(outcomeReward({ unparsed: -1 })), verdict('unparsed', 0))).toBe(-1);
    expect(rewardOf(reward, verdict('correct', 1))).toBe(1);
    expect(rewardOf(rewardConfig.parse(scoreReward()), verdict('incorrect', 0.75))).toBe(0.75);
    const strict = rewardConfig.parse(scoreReward({ credit: 'all-or-nothing' }));
    expect(rewardOf(strict, verdict('incorrect', 0.75))).toBe(0);
    expect(rewardOf(strict, verdict('correct', 1))).toBe(1);
    expect(rewardOf(strict, verdict('ungradable', 0))).toBeNull();
  });
});

describe('scored groups', () => {
  test('ungradable and failed rollouts have neither reward nor advantage', () => {
    const scored = scoreGroup(
      group(
        rollout('correct', 3),
        rollout('incorrect', 3),
        rollout('ungradable', 3),
        rollout('incorrect', 3, { finishReason: 'error' }),
      ),
      create(drGrpo()),
      { reward, maxTokens },
    );
    expect(scored.scored.map(({ advantage }) => advantage)).toEqual([0.5, -0.5, null, null]);
    expect(scored.scored.map(({ reward: earned }) => earned)).toEqual([1, 0, null, null]);
    expect(scored.scored.map(({ isMasked }) => isMasked)).toEqual([false, false, true, true]);
    expect(scored.isZeroAdvantage).toBe(false);
  });

  const cut = { finishReason: 'length' } as const;
  test('zero advantage means that no rollout in the loss has an advantage other than 0', () => {
    const isZero = (config: unknown, ...rollouts: Rollout[]) =>
      scoreGroup(group(...rollouts), create(config), { reward, maxTokens }).isZeroAdvantage;
    const [right, wrong] = [rollout('correct', 3), rollout('incorrect', 3)];
    expect(isZero(grpo(), right, right)).toBe(true);
    expect(isZero(grpo(), right, wrong)).toBe(false);
    expect(isZero(grpo())).toBe(true);
    expect(isZero(grpo(), rollout('ungradable', 3), right)).toBe(true);
    // Masked rollouts are not trained on, but their rewards change the baseline of the others.
    expect(isZero(grpo({ truncated: 'mask' }), rollout('correct', 10, cut), wrong)).toBe(false);
    expect(
      isZero(grpo({ truncated: 'mask' }), rollout('correct', 10, cut), rollout('incorrect', 10, cut)),
    ).toBe(true);
    // Without a baseline, equal rewards still change the policy, unless they are 0.
    expect(isZero(reinforce(), right, right)).toBe(false);
    expect(isZero(reinforce(), wrong, wrong)).toBe(true);
  });

  test('truncated rollouts are kept, masked, or given reward 0', () => {
    const rollouts = group(rollout('correct', 10, cut), rollout('incorrect', 3));
    const score = (truncated: 'keep' | 'mask' | 'zero') =>
      scoreGroup(rollouts, create(drGrpo({ truncated })), { reward, maxTokens });
    expect(score('keep').scored[0]).toMatchObject({ reward: 1, isMasked: false });
    expect(score('mask').scored[0]).toMatchObject({ reward: 1, isMasked: true });
    expect(score('mask').scored[1]!.advantage).toBe(-0.5);
    expect(score('zero').scored[0]).toMatchObject({ reward: 0, isMasked: false });
    expect(score('zero').isZeroAdvantage).toBe(true);
  });

  test.each([
    [6, 1],
    [8, 0.5],
    [10, 0],
  ])(
    'soft over-long penalty: a correct rollout of %i tokens earns %f, with a limit of 10 and a cache of 4',
    (length, expected) => {
      const algorithm = create(drGrpo({ truncated: { softOverlong: { cache: 4 } } }));
      const scored = scoreGroup(group(rollout('correct', length)), algorithm, { reward, maxTokens });
      expect(scored.scored[0]!.reward).toBe(expected);
    },
  );
});

describe('batches', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 6 });
  const anyGroups = fc
    .array(lengths, { minLength: 1, maxLength: 4 })
    .map((all) =>
      all.map((each) =>
        group(...each.map((length, i) => rollout(i === 0 ? 'correct' : 'incorrect', length))),
      ),
    );
  const build = (groups: readonly RolloutGroup[], config: unknown) => {
    const algorithm = create(config);
    const scored = groups.map((each) => scoreGroup(each, algorithm, { reward, maxTokens }));
    return buildTrainingBatch(scored, algorithm, { maxTokens }).sequences;
  };

  test('token weights of a mean aggregation sum to 1, and prompt tokens have weight 0', () => {
    fc.assert(
      fc.property(anyGroups, (groups) => {
        for (const config of [grpo(), dapo()]) {
          const sequences = build(groups, config);
          expect(weightSum(sequences)).toBeCloseTo(1, 5);
          expect(sequences.every(({ weights }) => weights[0] === 0 && weights[1] === 0)).toBe(true);
        }
      }),
    );
  });

  test('token mean, sequence mean and constant give the documented weights', () => {
    const groups = [group(rollout('correct', 1), rollout('incorrect', 3))];
    const lastWeights = (config: unknown) => build(groups, config).map(({ weights }) => weights.at(-1));
    expect(lastWeights(dapo())).toEqual([0.25, 0.25]);
    expect(lastWeights(grpo())).toEqual([0.5, Math.fround(1 / 6)]);
    expect(lastWeights(drGrpo())).toEqual([Math.fround(1 / 20), Math.fround(1 / 20)]);
    expect(lastWeights(drGrpo({ constantTokens: 5 }))).toEqual([Math.fround(0.1), Math.fround(0.1)]);
  });

  test('sequences contain the prompt, the completion, advantages and log-probabilities', () => {
    const [first] = build([group(rollout('correct', 2), rollout('incorrect', 2))], drGrpo());
    expect(first).toEqual({
      tokens: Int32Array.of(1, 2, 10, 11),
      weights: Float32Array.of(0, 0, 1 / 20, 1 / 20),
      advantages: Float32Array.of(0, 0, 0.5, 0.5),
      rolloutLogprobs: Float32Array.of(0, 0, -0.5, -0.5),
    });
  });

  const solved = group(rollout('correct', 4), rollout('correct', 4));
  const mixed = group(rollout('correct', 2), rollout('incorrect', 2));
  test('zero-advantage groups are omitted from the batch, and from the normaliser only with normaliseOver signal', () => {
    expect(build([solved, mixed], dapo()).map(({ weights }) => weights[2])).toEqual([
      Math.fround(1 / 12),
      Math.fround(1 / 12),
    ]);
    expect(
      build([solved, mixed], dapo({ normaliseOver: 'signal' })).map(({ weights }) => weights[2]),
    ).toEqual([0.25, 0.25]);
    expect(build([solved], dapo())).toEqual([]);
  });

  test('keeps every group if the loss has a KL or entropy term', () => {
    expect(build([solved, mixed], dapo({ kl: { coefficient: 0.001 } })).length).toBe(4);
    const sequences = build([solved], dapo({ entropy: 0.001, normaliseOver: 'signal' }));
    expect(weightSum(sequences)).toBeCloseTo(1, 6);
  });

  test('neither the batch nor the normaliser includes masked or empty rollouts', () => {
    const truncated = rollout('incorrect', 10, { finishReason: 'length' });
    const groups = [group(rollout('correct', 2), rollout('incorrect', 2), truncated, rollout('unparsed', 0))];
    const sequences = build(groups, grpo({ truncated: 'mask' }));
    expect(sequences.map(({ weights }) => weights.at(-1))).toEqual([0.25, 0.25]);
  });
});

describe('configuration', () => {
  test("a stage's override replaces the entire setting, and an override that the algorithm does not have is rejected", () => {
    const overrides = algorithmOverrides.parse({ entropy: null, truncated: 'mask' });
    expect(overrides).toEqual({ entropy: null, truncated: 'mask' });
    const stage = overrideAlgorithm(parse(grpo({ entropy: 0.001, kl: { coefficient: 0.001 } })), overrides);
    expect(stage).toMatchObject({
      entropy: null,
      truncated: 'mask',
      kl: { estimator: 'k3', coefficient: 0.001 },
    });
    expect(() => overrideAlgorithm(parse(rloo()), { clipLow: 0.1 })).toThrow('clipLow');
    expect(() => parse({ type: 'grpo', klCoefficient: 1 })).toThrow('klCoefficient');
    expect(() => parse(cispo({ minRatio: 6 }))).toThrow('minRatio below maxRatio');
  });

  test('lossSpec contains every configured term', () => {
    expect(create(dapo({ entropy: 0.01 })).lossSpec({ temperature: 0.7 })).toEqual({
      policy: { type: 'clipped', ratio: 'token', clipLow: 0.2, clipHigh: 0.28, dualClip: null },
      kl: null,
      entropy: { coefficient: 0.01 },
      importance: { level: 'token', mode: 'truncate', cap: 2 },
      temperature: 0.7,
    });
    expect(create(gspo()).lossSpec({ temperature: 1 }).policy).toMatchObject({ ratio: 'sequence' });
    expect(create(reinforce()).lossSpec({ temperature: 1 }).policy).toEqual({ type: 'reinforce' });
  });
});
