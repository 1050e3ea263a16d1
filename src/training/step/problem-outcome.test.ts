import { expect, test } from 'vitest';
import { createAlgorithm, algorithmConfig } from '../../algorithms/algorithm.ts';
import { rewardConfig } from '../../algorithms/reward.ts';
import { scoreGroup } from '../../algorithms/scored-group.ts';
import type { Outcome } from '../../core/verdict.ts';
import { mathProblem } from '../../testing/problems.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { problemOutcome } from './problem-outcome.ts';

test('counts trials, verdicts and written tokens of a group', () => {
  const attempts: [Outcome, number][] = [
    ['correct', 3],
    ['incorrect', 5],
    ['unparsed', 7],
    ['ungradable', 2],
  ];
  const rollouts = attempts.map(([outcome, length], index) => ({
    problemId: 'p',
    index,
    transcripts: [
      singleTurn({
        promptTokens: new Int32Array(4),
        tokens: new Int32Array(length),
        text: '',
        finishReason: 'stop',
      }),
    ],
    verdict: { outcome, score: outcome === 'correct' ? 1 : 0, reason: '', verifier: 'math@1' },
  }));
  const group = scoreGroup(
    { problem: mathProblem({ id: 'p', answer: '1' }), rollouts },
    createAlgorithm(algorithmConfig.parse({ type: 'dr-grpo' })),
    { reward: rewardConfig.parse({ type: 'outcome' }), maxTokens: 32 },
  );
  const outcome = problemOutcome(group);
  expect(outcome).toMatchObject({
    problemId: 'p',
    successes: 1,
    trials: 3,
    verdicts: { correct: 1, incorrect: 1, unparsed: 1, timeout: 0, ungradable: 1 },
    tokens: 17,
  });
  expect(outcome.meanAbsAdvantage).toBeCloseTo((2 / 3 + 1 / 3 + 1 / 3) / 3, 12);
});
