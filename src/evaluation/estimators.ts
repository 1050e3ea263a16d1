import type { Verdict } from '../core/verdict.ts';

/**
 * Unbiased probability that at least one of k attempts is right: 1 − C(n−c, k) / C(n, k) (Chen et al. 2021, 2107.03374,
 * eq. 1), as a product so that large n neither overflows nor cancels.
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
 * Returns whether the most frequent answer is right (self-consistency, 2203.11171), over exactly the verdicts given.
 * For equally frequent answers, returns the share of them that is right: the expected score of a random choice. All
 * right answers count as one; wrong ones are distinguished by the first of these keys in the verdict's evidence:
 * `value`, `normalised`, `extracted`. Attempts without an answer do not vote; 0 without any vote. Only meaningful for
 * problems whose answers are compared.
 */
export function majorityCorrect(verdicts: readonly Verdict[]): number {
  const votes = new Map<string, { count: number; isCorrect: boolean }>();
  for (const verdict of verdicts) {
    const answer = answerOf(verdict);
    if (answer === undefined) continue;
    const vote = votes.get(answer) ?? { count: 0, isCorrect: false };
    votes.set(answer, {
      count: vote.count + 1,
      isCorrect: vote.isCorrect || verdict.outcome === 'correct',
    });
  }
  if (votes.size === 0) return 0;
  const most = Math.max(...Array.from(votes.values(), ({ count }) => count));
  const winners = [...votes.values()].filter(({ count }) => count === most);
  return winners.filter(({ isCorrect }) => isCorrect).length / winners.length;
}

/** Returns the answer that an attempt votes for. */
function answerOf({ outcome, evidence = {} }: Verdict): string | undefined {
  const { value, normalised, extracted } = evidence;
  const answer = [value, answerIn(normalised), extracted].find((text) => typeof text === 'string');
  return answer !== undefined && outcome === 'correct' ? 'the right answer' : answer;
}

/** Normal forms are stored as the answer's alone, or as `{ gold, answer }`. */
const answerIn = (normalised: unknown): unknown =>
  typeof normalised === 'object' && normalised !== null && 'answer' in normalised
    ? normalised.answer
    : normalised;
