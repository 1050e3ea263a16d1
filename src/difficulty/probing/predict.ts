import { betaCdf, betaQuantile } from '../../statistics/beta.ts';
import type { Estimate, Interval } from '../../statistics/intervals.ts';
import { ranksOf, spearmanEstimate } from '../../statistics/rank-correlation.ts';
import { noTrials, type PassRates, type Trials } from '../pass-rates/trials.ts';
import { scoreByFeatures } from './feature-scores.ts';
import { createFeatureTable, type ProblemFeatures } from './feature-table.ts';

/** A problem with the features known before any attempt. */
export interface PredictableProblem extends ProblemFeatures {
  readonly id: string;
}

/** Predicted difficulty of a problem. */
export interface Prediction {
  readonly id: string;
  /** Rank from 0 (hardest of the pool) to 1 (easiest); absent if nothing is known about the problem. */
  readonly rank?: number;
  /** Predicted pass rate, with an interval that contains the pass rate itself; absent without calibration. */
  readonly passRate?: Estimate;
}

/** Predictions, and their accuracy on the measured problems. */
export interface PredictedDifficulty {
  readonly predictions: readonly Prediction[];
  /** Absent if too few problems are measured; predictions are then only ranks. */
  readonly calibration?: {
    /** Number of measured problems behind the calibration. */
    readonly problems: number;
    /** Correlation of predicted and measured pass rates; each problem is predicted without its own attempts. */
    readonly spearman: Estimate;
  };
}

/** Minimum number of measured problems for a calibration. */
export const leastMeasured = 20;

/**
 * Predicts pass rates from features. If at least `leastMeasured` problems are measured, with both successes and
 * failures, the pass rate of each problem is a logistic regression on its features, fitted to the measured problems
 * of other quarters (`scoreByFeatures`). Pass rates scatter about it as Beta(μφ, (1 − μ)φ), with φ fitted to the
 * trials by maximum likelihood. Otherwise problems are only ranked, by the mean of their percentiles over the known
 * values.
 *
 * @param confidence confidence level of the intervals.
 */
export function predictPassRates(
  problems: readonly PredictableProblem[],
  passRates: PassRates,
  confidence = 0.95,
): PredictedDifficulty {
  const trialsOf = ({ id }: PredictableProblem): Trials => passRates.get(id) ?? noTrials;
  const measured = problems.filter((problem) => trialsOf(problem).trials > 0);
  const successes = measured.reduce((sum, problem) => sum + trialsOf(problem).successes, 0);
  const trials = measured.reduce((sum, problem) => sum + trialsOf(problem).trials, 0);
  if (measured.length < leastMeasured || successes === 0 || successes === trials)
    return { predictions: rankByValues(problems) };
  const rates = Float64Array.from(problems, (problem) => rateOf(trialsOf(problem)));
  const ids = problems.map(({ id }) => id);
  const odds = scoreByFeatures(ids, createFeatureTable(problems), rates);
  const means = odds.map((one) => 1 / (1 + Math.exp(-one)));
  const seen = problems.flatMap((problem, i) =>
    trialsOf(problem).trials === 0 ? [] : [{ ...trialsOf(problem), mean: means[i]! }],
  );
  const concentration = likeliestConcentration(seen);
  const ranks = percentiles(odds);
  return {
    predictions: ids.map((id, i) => ({
      id,
      rank: ranks[i]!,
      passRate: { mean: means[i]!, ...intervalOf(means[i]!, concentration, confidence) },
    })),
    calibration: {
      problems: measured.length,
      spearman: spearmanEstimate(
        seen.map(({ mean }) => mean),
        seen.map(rateOf),
      ),
    },
  };
}

const rateOf = ({ successes, trials }: Trials): number => (trials === 0 ? Number.NaN : successes / trials);

function rankByValues(problems: readonly PredictableProblem[]): Prediction[] {
  const names = new Set(problems.flatMap(({ values }) => Object.keys(values)));
  const places = problems.map((): number[] => []);
  for (const name of names) {
    const known = problems.flatMap(({ values }, i) => (name in values ? [i] : []));
    const ranks = percentiles(known.map((i) => problems[i]!.values[name]!));
    known.forEach((i, place) => places[i]!.push(ranks[place]!));
  }
  return problems.map(({ id }, i) => {
    const own = places[i]!;
    return own.length === 0 ? { id } : { id, rank: own.reduce((sum, one) => sum + one, 0) / own.length };
  });
}

/** Returns ranks scaled to [0, 1]; ½ for a single value. */
function percentiles(values: ArrayLike<number>): Float64Array {
  return ranksOf(values).map((rank) => (values.length === 1 ? 0.5 : (rank - 1) / (values.length - 1)));
}

function intervalOf(mean: number, concentration: number, confidence: number): Interval {
  const shape = { alpha: mean * concentration, beta: (1 - mean) * concentration };
  // Round ends very close to 0 or 1: no realistic number of attempts could detect the difference, and the exact
  // quantile is slow to compute.
  const quantile = (p: number): number =>
    betaCdf(shape, negligible) >= p ? 0 : betaCdf(shape, 1 - negligible) <= p ? 1 : betaQuantile(shape, p);
  // The mean of a very skewed distribution can be outside the interval.
  return {
    low: Math.min(mean, quantile((1 - confidence) / 2)),
    high: Math.max(mean, quantile((1 + confidence) / 2)),
  };
}

const negligible = 1e-6;

/** Candidates for the concentration φ, 15 % apart, from nearly all-or-nothing pass rates to nearly no scatter. */
const concentrations = Array.from({ length: 60 }, (_, i) => 0.2 * 1.15 ** i);

function likeliestConcentration(seen: readonly (Trials & { readonly mean: number })[]): number {
  const likelihood = (concentration: number): number =>
    seen.reduce((sum, one) => sum + logProbability(one, concentration), 0);
  const scored = concentrations.map((concentration) => ({
    concentration,
    score: likelihood(concentration),
  }));
  return scored.reduce((best, one) => (one.score > best.score ? one : best)).concentration;
}

/** Returns the log-probability of one order of the trials under Beta(μφ, (1 − μ)φ): a Pólya urn. */
function logProbability(
  { successes, trials, mean }: Trials & { readonly mean: number },
  concentration: number,
): number {
  let sum = 0;
  for (let i = 0; i < successes; i++) sum += Math.log(mean * concentration + i);
  for (let i = 0; i < trials - successes; i++) sum += Math.log((1 - mean) * concentration + i);
  for (let i = 0; i < trials; i++) sum -= Math.log(concentration + i);
  return sum;
}
