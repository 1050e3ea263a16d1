import { expect, test } from 'vitest';
import { createAlgorithm, algorithmConfig } from '../../algorithms/algorithm.ts';
import { rewardConfig } from '../../algorithms/reward.ts';
import { scoreGroup } from '../../algorithms/scored-group.ts';
import type { FinishReason } from '../../core/transcript.ts';
import type { Outcome } from '../../core/verdict.ts';
import { mathProblem } from '../../testing/problems.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { problemOutcome } from './problem-outcome.ts';

test('counts the trials, verdicts, truncated unparsed rollouts and written tokens in a group', () => {
  const attempts: [Outcome, number, FinishReason][] = [
    ['correct', 3, 'length'],
    ['incorrect', 5, 'stop'],
    ['unparsed', 7, 'stop'],
    ['unparsed', 9, 'length'],
    ['ungradable', 2, 'length'],
  ];
  const rollouts = attempts.map(([outcome, length, finishReason], index) => ({
    problemId: 'p',
    index,
    transcripts: [
      singleTurn({
        promptTokens: new Int32Array(4),
        tokens: new Int32Array(length),
        text: '',
        finishReason,
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
    trials: 4,
    verdicts: { correct: 1, incorrect: 1, unparsed: 2, timeout: 0, ungradable: 1 },
    truncated: 1,
    tokens: 26,
  });
  expect(outcome.meanAbsAdvantage).toBeCloseTo((3 / 4 + 3 * (1 / 4)) / 4, 12);
});
