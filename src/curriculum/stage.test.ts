import { expect, expectTypeOf, test } from 'vitest';
import type { AlgorithmOverrides } from '../algorithms/algorithm.ts';
import { overrideReward, type RewardOverrides, rewardConfig } from '../algorithms/reward.ts';
import { stage, type StageConfig, stageConfig } from './stage.ts';

test('the algorithm and reward overrides of a stage are type-checked', () => {
  expectTypeOf<NonNullable<StageConfig['algorithm']>>().toEqualTypeOf<AlgorithmOverrides>();
  expectTypeOf<NonNullable<StageConfig['reward']>>().toEqualTypeOf<RewardOverrides>();
  expectTypeOf(
    stage('a', { maxSteps: 1, algorithm: { entropy: null }, reward: { credit: 'fraction' } }),
  ).toExtend<{
    maxSteps: number;
  }>();
  // @ts-expect-error clipLo is not a setting of any algorithm
  const misspelt = stage('a', { maxSteps: 1, algorithm: { clipLo: 0.1 } });
  // @ts-expect-error a reward is a number
  const wrongType = stage('a', { maxSteps: 1, reward: { correct: 'yes' } });
  expect(stageConfig.safeParse(misspelt).success).toBe(false);
  expect(stageConfig.safeParse(wrongType).success).toBe(false);
});

test('a reward override ignores undefined settings and settings that the reward does not have', () => {
  const [outcome, score] = [
    rewardConfig.parse({ type: 'outcome', correct: 2 }),
    rewardConfig.parse({ type: 'score' }),
  ];
  const overrides = { incorrect: -1, correct: undefined, credit: 'all-or-nothing' } as const;
  expect(overrideReward(outcome, overrides)).toEqual({ ...outcome, incorrect: -1 });
  expect(overrideReward(score, overrides)).toEqual({ ...score, credit: 'all-or-nothing' });
  expect(overrideReward(outcome, {})).toEqual(outcome);
});
