import { expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../../algorithms/algorithm.ts';
import { rewardConfig } from '../../algorithms/reward.ts';
import { type ScoredGroup, scoreGroup } from '../../algorithms/scored-group.ts';
import { buildTrainingBatch } from '../../algorithms/training-batch.ts';
import type { TrainingBatch } from '../../core/batch.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import { mathProblem } from '../../testing/index.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { isNoiseStep, measureNoise } from './gradient-noise.ts';

const algorithm = createAlgorithm(algorithmConfig.parse({ type: 'grpo', kl: null }));
const maxTokens = 8;

/**
 * Creates a group of two rollouts whose first token is the group's number; the first rollout is correct if
 * the group is live.
 */
function groupOf(number: number, isLive: boolean): ScoredGroup {
  const rollouts = [0, 1].map((index) => ({
    problemId: `p${number}`,
    index,
    transcripts: [singleTurn({ promptTokens: Int32Array.of(number), tokens: Int32Array.of(7, 8 + index) })],
    verdict: {
      outcome: isLive && index === 0 ? ('correct' as const) : ('incorrect' as const),
      score: 0,
      reason: '',
      verifier: 'v@1',
    },
  }));
  const group = { problem: mathProblem({ id: `p${number}` }), rollouts };
  return scoreGroup(group, algorithm, { reward: rewardConfig.parse({ type: 'outcome' }), maxTokens });
}

/**
 * Creates a learner whose gradient has one axis per group: the weighted advantages of the last tokens of its rollouts.
 */
function fakeLearner() {
  const asked: { readonly batch: TrainingBatch; readonly spec: LossSpec }[] = [];
  const normOf = ({ sequences }: TrainingBatch): number => {
    const axes = new Map<number, number>();
    for (const { tokens, weights, advantages } of sequences) {
      const step = weights.at(-1)! * advantages.at(-1)! * tokens.at(-1)!;
      axes.set(tokens[0]!, (axes.get(tokens[0]!) ?? 0) + step);
    }
    return Math.hypot(...axes.values());
  };
  const gradientNorm = (batch: TrainingBatch, spec: LossSpec): Promise<number> => {
    asked.push({ batch, spec });
    return Promise.resolve(normOf(batch));
  };
  return { asked, normOf, learner: { gradientNorm } };
}

const groups = [0, 1, 2, 3, 4, 5, 6].map((number) => groupOf(number, number !== 2 && number !== 5));
const spec = algorithm.lossSpec({ temperature: 1 });

test('splits the live groups into halves, which keep the weights of the entire batch', async () => {
  const { asked, normOf, learner } = fakeLearner();
  const noiseAt = await measureNoise({ learner, groups, algorithm, maxTokens, spec });
  const whole = buildTrainingBatch(groups, algorithm, { maxTokens });
  expect(asked.map(({ batch }) => batch.sequences.map(({ tokens }) => tokens[0]))).toEqual([
    [0, 0, 3, 3, 6, 6],
    [1, 1, 4, 4],
  ]);
  const halves = asked.flatMap(({ batch }) => batch.sequences);
  for (const sequence of whole.sequences.filter(({ advantages }) => advantages.at(-1) !== 0))
    expect(halves).toContainEqual(sequence);
  // Groups with different axes are orthogonal, so there is no signal and |a|² + |b|² is all noise.
  const parts = noiseAt!(normOf(whole))!;
  expect(parts.signal).toBeCloseTo(0, 6);
  expect(parts.noise / normOf(whole) ** 2).toBeCloseTo((3 * 2) / 5, 5);
  expect(noiseAt!(Number.NaN)).toBeNull();
});

test('omits KL and entropy terms; if the loss has any, also measures the gradient of the entire batch', async () => {
  const { asked, learner } = fakeLearner();
  const withTerms: LossSpec = {
    ...spec,
    kl: { estimator: 'k3', coefficient: 0.1 },
    entropy: { coefficient: 0.01 },
  };
  const noiseAt = await measureNoise({ learner, groups, algorithm, maxTokens, spec: withTerms });
  expect(asked).toHaveLength(3);
  expect(asked.every((one) => one.spec.kl === null && one.spec.entropy === null)).toBe(true);
  expect(noiseAt!(1e9)!.signal).toBeCloseTo(0, 6);
});

test('measures nothing with fewer than two live groups or with an engine that cannot measure', async () => {
  const { learner } = fakeLearner();
  const update = { groups, algorithm, maxTokens, spec };
  expect(
    await measureNoise({ ...update, learner, groups: [groupOf(0, true), groupOf(1, false)] }),
  ).toBeNull();
  expect(await measureNoise({ ...update, learner: {} })).toBeNull();
});

test('measures four of the first twenty steps, then one in a hundred', () => {
  const steps = Array.from({ length: 300 }, (_, i) => i + 1).filter(isNoiseStep);
  expect(steps).toEqual([5, 10, 15, 20, 100, 200, 300]);
});
