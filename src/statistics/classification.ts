import { ranksOf } from './rank-correlation.ts';
import { mean, sum } from './summary.ts';

/** Predictions of a binary outcome. */
export interface Predictions {
  /** A higher score predicts a more probable outcome; must be in [0, 1] if used as a probability. */
  readonly scores: readonly number[];
  readonly isTrue: readonly boolean[];
}

/**
 * Returns the area under the ROC curve: the probability that a true case scores above a false one, with ties counted as
 * half (Mann–Whitney). NaN unless both outcomes occur.
 */
export function rocAuc({ scores, isTrue }: Predictions): number {
  const ranks = ranksOf(scores);
  const positives = isTrue.filter(Boolean).length;
  const negatives = isTrue.length - positives;
  const total = sum(ranks.filter((_, i) => isTrue[i]!));
  return (total - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** One bin of a calibration curve. */
export interface CalibrationBin {
  /** Mean score; `observed`: share of true cases. */
  readonly predicted: number;
  readonly observed: number;
  readonly count: number;
}

/** Returns the calibration curve over ten bins of equal width in [0, 1], without empty bins. */
export function calibrationCurve({ scores, isTrue }: Predictions): CalibrationBin[] {
  const places = Map.groupBy(scores.keys(), (i) => Math.min(9, Math.floor(10 * scores[i]!)));
  return [...places]
    .toSorted(([a], [b]) => a - b)
    .map(([, some]) => ({
      predicted: mean(some.map((i) => scores[i]!)),
      observed: mean(some.map((i) => +isTrue[i]!)),
      count: some.length,
    }));
}

/**
 * Returns the expected calibration error: the mean of |predicted − observed| over the bins, weighted by their
 * numbers of cases. NaN without cases.
 */
export function calibrationError(predictions: Predictions): number {
  const bins = calibrationCurve(predictions);
  const gaps = bins.map(({ predicted, observed, count }) => count * Math.abs(predicted - observed));
  return sum(gaps) / predictions.scores.length;
}
