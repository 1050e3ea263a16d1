import * as z from 'zod';
import type { Transcript } from '../core/transcript.ts';
import { type LogisticFit, logOdds } from '../statistics/logistic.ts';

/**
 * Logistic regression that combines a trained scorer with the policy's confidence; its slopes are those of the two
 * `columnsOf`.
 */
export const readout = z.object({ intercept: z.number(), slopes: z.array(z.number()).length(2) });

/** Scores and confidences closer to 0 or 1 than this count as this close, so that logarithms stay finite. */
const nearest = 1e-6;

/**
 * Returns the log-odds of a score and the log of a confidence.
 *
 * @param score in [0, 1].
 * @param confidence geometric mean of the policy's probabilities of the written tokens, in (0, 1].
 */
export function columnsOf(score: number, confidence: number): [number, number] {
  const inside = Math.min(1 - nearest, Math.max(nearest, score));
  return [Math.log(inside / (1 - inside)), Math.log(Math.max(nearest, confidence))];
}

/** Returns the probability of a right answer, given the score of a trained scorer and the policy's confidence. */
export const readScore = (fit: LogisticFit, score: number, confidence: number): number =>
  1 / (1 + Math.exp(-logOdds(fit, columnsOf(score, confidence))));

/**
 * Returns the geometric mean of the policy's probabilities of its written tokens before each place, in (0, 1]; 1 before
 * the first one.
 *
 * @param logprobs one per token of the transcript.
 * @param places numbers of tokens read, ascending.
 */
export function confidencesAt(
  logprobs: ArrayLike<number>,
  written: readonly Pick<Transcript['written'][number], 'start' | 'end'>[],
  places: readonly number[],
): number[] {
  const own = written.flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, i) => ({ at: start + i, logprob: logprobs[start + i]! })),
  );
  let [count, total] = [0, 0];
  return places.map((place) => {
    for (; count < own.length && own[count]!.at < place; count++) total += own[count]!.logprob;
    return count === 0 ? 1 : Math.min(1, Math.exp(total / count));
  });
}
