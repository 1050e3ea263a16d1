import { hashKey } from '../../core/rng.ts';
import { fitLogistic, type LogisticFit } from '../../statistics/logistic.ts';
import { columnsOf, readScore } from '../readout.ts';
import type { LabelledAttempt } from './labelled-attempt.ts';
import type { ScoredAttempt } from './scorer-quality.ts';

/** Maximum number of attempts on which the readout is fitted; three coefficients need no more. */
const mostAttempts = 4000;
/** Penalty on the slopes, as if one more attempt; keeps them finite if all verdicts are equal. */
const ridge = 1;

/**
 * Draws the training attempts on which the readout is fitted. Returns an empty list if an attempt has no likelihoods,
 * as with rows from a file.
 */
export function readoutAttempts(train: readonly LabelledAttempt[], seed: number): LabelledAttempt[] {
  if (train.some(({ likelihoods }) => likelihoods === undefined)) return [];
  return train
    .map((attempt, at) => ({ attempt, key: hashKey(seed, 'attempt for the readout', at) }))
    .toSorted((a, b) => a.key - b.key)
    .slice(0, mostAttempts)
    .map(({ attempt }) => attempt);
}

/**
 * Fits the probability of a right answer to the scores and likelihoods at all positions of the attempts. Every attempt has
 * weight 1, however long it is.
 *
 * @param attempts with likelihoods, at least one.
 */
export function fitReadout(attempts: readonly ScoredAttempt[]): LogisticFit {
  const rows = attempts.flatMap(({ scores, likelihoods, isCorrect }) =>
    scores.map((score, at) => ({
      columns: columnsOf(score, likelihoods![at]!),
      share: +isCorrect,
      weight: 1 / scores.length,
    })),
  );
  const columns = [0, 1].map((i) => rows.map((row) => row.columns[i]!));
  const shares = rows.map(({ share }) => share);
  return fitLogistic({ columns, shares, weights: rows.map(({ weight }) => weight) }, ridge);
}

/** Replaces the scores of attempts with those that the readout computes; attempts without likelihoods keep theirs. */
export const readAttempts = (attempts: readonly ScoredAttempt[], fit: LogisticFit): ScoredAttempt[] =>
  attempts.map(({ scores, likelihoods, ...rest }) => ({
    ...rest,
    likelihoods,
    scores:
      likelihoods === undefined ? scores : scores.map((score, at) => readScore(fit, score, likelihoods[at]!)),
  }));
