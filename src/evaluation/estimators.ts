import type { Verdict } from '../core/verdict.ts';

/**
 * Unbiased chance that at least one of k attempts is right: 1 − C(n−c, k) / C(n, k) (Chen et al. 2021, 2107.03374,
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
 * Whether the most frequent answer is right (self-consistency, 2203.11171), over exactly the verdicts given; between
 * equally frequent answers the share of them that is right, which is what a random choice would earn on average.
 * Right answers are one answer, however they are written; wrong ones are told apart by the first of these that the
 * verdict's evidence has: `value`, `normalised`, `extracted`. Attempts without an answer do not vote; 0 when nobody does. Only meaningful for problems whose answers are compared.
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

/** What an attempt votes for. */
function answerOf({ outcome, evidence = {} }: Verdict): string | undefined {
  const { value, normalised, extracted } = evidence;
  const answer = [value, answerIn(normalised), extracted].find((text) => typeof text === 'string');
  return answer !== undefined && outcome === 'correct' ? 'the right answer' : answer;
}

/** Normal forms come as the answer's alone, or as `{ gold, answer }`. */
const answerIn = (normalised: unknown): unknown =>
  typeof normalised === 'object' && normalised !== null && 'answer' in normalised
    ? normalised.answer
    : normalised;
