import * as z from 'zod';
import type { Transcript } from '../core/transcript.ts';
import { type LogisticFit, logOdds } from '../statistics/logistic.ts';

/**
 * Logistic regression that combines a trained scorer with the policy's probability of the answer; its slopes are those
 * of the two `columnsOf`.
 */
export const readout = z.object({ intercept: z.number(), slopes: z.array(z.number()).length(2) });

/** Scores closer to 0 or 1 than this count as this close, so that their log-odds stay finite. */
const nearest = 1e-6;

/** How probable the policy found the tokens that it wrote up to a position. */
export interface Likelihood {
  /** Natural log of their joint probability, ≤ 0; 0 if nothing is written yet. */
  readonly logprob: number;
  /** Geometric mean of their probabilities, in (0, 1]; 1 if nothing is written yet. */
  readonly confidence: number;
}

/**
 * Returns the log-odds of a score, and the log-probability of the written tokens.
 *
 * @param score in [0, 1].
 */
export function columnsOf(score: number, { logprob }: Pick<Likelihood, 'logprob'>): [number, number] {
  const inside = Math.min(1 - nearest, Math.max(nearest, score));
  return [Math.log(inside / (1 - inside)), logprob];
}

/** Returns the probability of a right answer, given the score of a trained scorer and the policy's probabilities. */
export const readScore = (fit: LogisticFit, score: number, likelihood: Pick<Likelihood, 'logprob'>): number =>
  1 / (1 + Math.exp(-logOdds(fit, columnsOf(score, likelihood))));

/**
 * Returns the likelihood of the policy's written tokens before each position.
 *
 * @param logprobs one per token of the transcript.
 * @param places positions, as numbers of tokens read, ascending.
 */
export function likelihoodsAt(
  logprobs: ArrayLike<number>,
  written: readonly Pick<Transcript['written'][number], 'start' | 'end'>[],
  places: readonly number[],
): Likelihood[] {
  const own = written.flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, i) => ({ at: start + i, logprob: logprobs[start + i]! })),
  );
  let [count, total] = [0, 0];
  return places.map((place) => {
    for (; count < own.length && own[count]!.at < place; count++) total += own[count]!.logprob;
    return { logprob: total, confidence: count === 0 ? 1 : Math.min(1, Math.exp(total / count)) };
  });
}
