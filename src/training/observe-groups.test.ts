import { expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../algorithms/algorithm.ts';
import { rewardConfig } from '../algorithms/reward.ts';
import { scoreGroup } from '../algorithms/scored-group.ts';
import { auto } from '../curriculum/samplers/auto.ts';
import { createSampler, samplerConfig } from '../curriculum/samplers/create-sampler.ts';
import { mathProblem } from '../testing/problems.ts';
import { singleTurn } from '../testing/single-turn.ts';
import { outcomeFromPrompt } from './observe-groups.ts';

const start = { kind: 'solution', tokens: Int32Array.of(1), text: 'a' } as const;

/** A group with one correct and one wrong attempt. */
const groupOf = (id: string, begin: { start?: typeof start } = {}) =>
  scoreGroup(
    {
      problem: mathProblem({ id, answer: '1' }),
      ...begin,
      rollouts: (['correct', 'incorrect'] as const).map((outcome, index) => ({
        problemId: id,
        index,
        transcripts: [singleTurn({ tokens: Int32Array.of(2), finishReason: 'stop' })],
        verdict: { outcome, score: Number(outcome === 'correct'), reason: '', verifier: 'math@1' },
      })),
    },
    createAlgorithm(algorithmConfig.parse({ type: 'grpo' })),
    { reward: rewardConfig.parse({ type: 'outcome' }), maxTokens: 8 },
  );

test('summarises a group from another start than the prompt without trials', () => {
  expect(outcomeFromPrompt(groupOf('p'))).toMatchObject({ problemId: 'p', successes: 1, trials: 2 });
  expect(outcomeFromPrompt(groupOf('p', { start }))).toMatchObject({
    problemId: 'p',
    successes: 0,
    trials: 0,
    meanAbsAdvantage: 0,
    tokens: 0,
  });
});

test('auto counts no later group of a problem as a uniform draw because it was drawn once and began elsewhere', () => {
  const pool = ['a', 'b', 'c', 'd'].map((id) => ({
    id,
    domain: 'math',
    levels: [],
    measured: { successes: 0, trials: 0 },
  }));
  const sampler = createSampler(samplerConfig.parse(auto()), pool, 1, 2);
  const ids = sampler.choose(4, 0);
  expect(sampler.save()).toMatchObject({ control: expect.arrayContaining([0, 1, 2, 3]) });
  sampler.observe(ids.map((id) => outcomeFromPrompt(groupOf(id, { start }))));
  expect(sampler.save()).toMatchObject({ control: [] });
});
