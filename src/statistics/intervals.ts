import { createRng } from '../core/rng.ts';
import { mean, sortedQuantile, standardDeviation } from './summary.ts';
import { betaPosterior, betaQuantile, jeffreysPrior, type BetaShape } from './beta.ts';

/** A range that contains the true value with a given confidence. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** An estimate and its interval. */
export interface Estimate extends Interval {
  readonly mean: number;
}

/**
 * Returns Wilson's score interval for a rate (Wilson 1927), which is valid even for few trials and if no trial or every
 * trial succeeds; [0, 1] without trials.
 * @param confidence in (0, 1).
 */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  const z = normalQuantile(0.5 + confidence / 2);
  const rate = successes / trials;
  const shrink = 1 + (z * z) / trials;
  const centre = (rate + (z * z) / (2 * trials)) / shrink;
  const half = (z / shrink) * Math.sqrt((rate * (1 - rate)) / trials + (z * z) / (4 * trials * trials));
  // Set the ends exactly: rounding would move them away from 0 and 1.
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
  };
}

/**
 * Returns the number of trials for which a rate has the given 95 % Wilson interval, computed from the
 * interval's width. The inverse of `wilsonInterval`, even for rates of 0 and 1.
 */
export function wilsonTrials({ mean: rate, low, high }: Estimate): number {
  const z = normalQuantile(0.975);
  const half2 = ((high - low) / 2) ** 2;
  // With y = trials / z², the half-width h solves h² y² − (p (1 − p) − 2 h²) y − (1/4 − h²) = 0.
  const slope = rate * (1 - rate) - 2 * half2;
  return (z * z * (slope + Math.sqrt(slope * slope + half2 * (1 - 4 * half2)))) / (2 * half2);
}

/**
 * Returns the difference of two independent estimates, first minus second, with the interval that their intervals imply
 * (MOVER, Zou & Donner 2008): each end is as far from the difference as the root of the summed squares of the
 * corresponding distances of the two estimates. For two Wilson intervals this is Newcombe's hybrid score interval
 * (1998, method 10). Both intervals must have the same confidence level.
 */
export function differenceOf(first: Estimate, second: Estimate): Estimate {
  const centre = first.mean - second.mean;
  return {
    mean: centre,
    low: centre - Math.hypot(first.mean - first.low, second.high - second.mean),
    high: centre + Math.hypot(first.high - first.mean, second.mean - second.low),
  };
}

/** Returns the central interval of the Beta posterior of a pass rate. Counts may be fractional. */
export function betaInterval(
  successes: number,
  trials: number,
  { confidence = 0.95, prior = jeffreysPrior }: { confidence?: number; prior?: BetaShape } = {},
): Interval {
  const posterior = betaPosterior(successes, trials, prior);
  const tail = (1 - confidence) / 2;
  return { low: betaQuantile(posterior, tail), high: betaQuantile(posterior, 1 - tail) };
}

/**
 * Returns the mean with Student's t-interval: for a few approximately normal values, such as one value per seed. With
 * five values, a nominal 95 % percentile bootstrap covers only 84 %; this interval covers 95 %. For a paired
 * comparison, pass the differences per seed. All fields are NaN for an empty list; the interval of one value is
 * infinite.
 * @param confidence in (0, 1).
 */
export function tInterval(values: ArrayLike<number>, confidence = 0.95): Estimate {
  const centre = mean(values);
  const degrees = values.length - 1;
  if (degrees < 0) return { mean: centre, low: Number.NaN, high: Number.NaN };
  if (degrees === 0) return { mean: centre, low: -Infinity, high: Infinity };
  const half = (tQuantile(confidence, degrees) * standardDeviation(values)) / Math.sqrt(values.length);
  return { mean: centre, low: centre - half, high: centre + half };
}

/**
 * Returns the t for which P(|T| ≤ t) = `central` if T has Student's t distribution: ν / (ν + T²) is Beta(ν/2, 1/2).
 * @param central in (0, 1).
 * @param degrees degrees of freedom ν, > 0.
 */
export function tQuantile(central: number, degrees: number): number {
  const x = betaQuantile({ alpha: degrees / 2, beta: 1 / 2 }, 1 - central);
  return Math.sqrt((degrees * (1 - x)) / x);
}

/** Options of a bootstrap. */
export interface BootstrapOptions {
  /** Seed of the resampling: equal values and seeds give equal intervals. */
  readonly seed: number;
  /** Number of resamples. Default 10,000, with which the ends vary between seeds by about 1 % of the width. */
  readonly resamples?: number;
  /** Confidence level of the interval. Default 0.95. */
  readonly confidence?: number;
}

/**
 * Returns the mean with its percentile bootstrap interval (Efron 1979). Pass one value per problem, because rollouts of
 * one problem are not independent; for a paired comparison, pass the differences per problem. The interval is too
 * narrow for fewer than about 30 values: use `tInterval`, e.g. over seeds. All fields are NaN for an empty list.
 */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions): Estimate {
  const means = resampledMeans(values, options);
  const tail = (1 - (options.confidence ?? 0.95)) / 2;
  return { mean: mean(values), low: sortedQuantile(means, tail), high: sortedQuantile(means, 1 - tail) };
}

/**
 * Returns the means of the resamples in ascending order; an empty list if there are no values. A separate function,
 * because V8 compiles a hot loop while it runs: with the loop beside the object literal, about 1 in 100 processes on a
 * busy machine returned an estimate whose numbers the next call overwrote (Node 24.21, V8 13.6).
 */
function resampledMeans(
  values: ArrayLike<number>,
  { seed, resamples = 10_000 }: BootstrapOptions,
): Float64Array {
  const rng = createRng(seed, 'bootstrap');
  const count = values.length;
  const means = new Float64Array(count === 0 ? 0 : resamples);
  for (let i = 0; i < means.length; i++) {
    let total = 0;
    for (let draw = 0; draw < count; draw++) total += values[Math.floor(rng.next() * count)]!;
    means[i] = total / count;
  }
  return means.toSorted();
}

/**
 * Returns the quantile of the standard normal distribution for p in (0, 1); relative error below 1.2e-9 (Acklam 2003).
 */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(acklam.tailTop, q) / polynomial(acklam.tailBottom, q);
  }
  const q = p - 0.5;
  return (q * polynomial(acklam.centreTop, q * q)) / polynomial(acklam.centreBottom, q * q);
}

/** Evaluates a polynomial; the coefficient of the highest power comes first. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((value, coefficient) => value * x + coefficient, 0);
}

const acklam = {
  centreTop: [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ],
  centreBottom: [
    -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1,
  ],
  tailTop: [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  tailBottom: [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
};

/**
 * Returns the mean of rates in [0, 1], one per problem, with its 95 % interval: a bootstrap over problems. If
 * all rates are equal, a bootstrap interval would have no width, so the interval is Wilson's with the
 * problems as trials.
 *
 * @example
 * rateEstimate(new Array(60).fill(0), { seed: 0 }); // { mean: 0, low: 0, high: 0.06 }
 */
export function rateEstimate(rates: ArrayLike<number>, options: BootstrapOptions): Estimate {
  const estimate = bootstrapMean(rates, options);
  if (estimate.low !== estimate.high || rates.length === 0) return estimate;
  return { mean: estimate.mean, ...wilsonInterval(estimate.mean * rates.length, rates.length) };
}

/**
 * Returns the mean of differences between rates, in [-1, 1], one per problem, with its 95 % interval: a
 * bootstrap over problems. If all differences are equal, each side is as wide as Wilson's interval for 0 of n
 * problems.
 */
export function differenceEstimate(differences: ArrayLike<number>, options: BootstrapOptions): Estimate {
  const estimate = bootstrapMean(differences, options);
  if (estimate.low !== estimate.high || differences.length === 0) return estimate;
  const { high } = wilsonInterval(0, differences.length);
  const { mean: middle } = estimate;
  return { mean: middle, low: Math.max(-1, middle - high), high: Math.min(1, middle + high) };
}
