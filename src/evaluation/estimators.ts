import type { Verdict } from '../core/verdict.ts';
import { chanceCorrect, votedAnswer } from '../rollout/strategies/choose-answer.ts';

/**
 * Returns the unbiased estimate of the probability that at least one of k attempts is correct: 1 − C(n−c, k) / C(n, k)
 * (Chen et al. 2021, 2107.03374, eq. 1), computed as a product, which avoids overflow and cancellation for large n.
 *
 * @throws RangeError unless 1 ≤ k ≤ trials.
 */
export function passAtK(trials: number, correct: number, k: number): number {
  if (k < 1 || k > trials) throw new RangeError(`expected 1 ≤ k ≤ ${trials} trials, got k = ${k}`);
  if (trials - correct < k) return 1;
  let allWrong = 1;
  for (let i = trials - correct + 1; i <= trials; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}

/**
 * Returns 1 if the most frequent answer is correct, else 0 (self-consistency, 2203.11171), over exactly the given
 * verdicts. If several answers are equally frequent, returns the share of correct ones, which is the expected score of
 * a random choice. Attempts without an answer do not vote; returns 0 if there are no votes. Only meaningful for
 * problems whose answers can be compared.
 */
export function majorityCorrect(verdicts: readonly Verdict[]): number {
  const candidates = verdicts.map((verdict) => ({
    answer: votedAnswer(verdict),
    isCorrect: verdict.outcome === 'correct',
    score: null,
  }));
  return chanceCorrect(candidates, 'majority');
}
