import { expect, test } from 'vitest';
import { mathProblem } from '../testing/index.ts';
import { singleTurn } from '../testing/single-turn.ts';
import { openConfidenceScorer } from './confidence-scorer.ts';

const attempt = (logprobs: readonly number[]) =>
  singleTurn({
    promptTokens: Int32Array.of(1, 2),
    tokens: Int32Array.from(logprobs, (_, at) => 3 + at),
    logprobs: Float32Array.from(logprobs),
    text: 'x',
    finishReason: 'stop',
  });
const problem = mathProblem({ id: 'p' });

test('scores each step by the geometric mean of its tokens’ probabilities', async () => {
  const scorer = openConfidenceScorer();
  const transcript = attempt([Math.log(0.5), Math.log(0.125), Math.log(0.75), 0]);
  const scores = await scorer.score(problem, transcript, [4, 5, 6]);
  expect(scores.map((score) => Number(score!.toFixed(6)))).toEqual([0.25, 0.75, 1]);
  // A search requests the scores of the last steps only.
  expect(await scorer.score(problem, transcript, [5, 6], undefined, [4])).toEqual(scores.slice(1));
});

test('returns no scores if the engine returned no log-probabilities', async () => {
  expect(await openConfidenceScorer().score(problem, attempt([0, 0, 0]), [4, 5])).toEqual([null, null]);
});
