import type { Rng } from '../core/rng.ts';
import { type Estimate, tQuantile } from './intervals.ts';
import { mean, variance } from './summary.ts';

/** A ratio of means and its interval; `mean` is the estimate. Each end may be 0 or infinite. */
export type RatioEstimate = Estimate;

/**
 * Returns the ratio of two means that are expected to be positive, with Fieller's interval (1954). The interval is
 * exact for normally distributed pairs, and its upper end is infinite if the denominator could be 0; an interval for
 * the mean of individual ratios has neither property. Ratios below 0 are clipped to 0.
 *
 * @param numerators one value per measurement, paired with `denominators`; with fewer than two, the interval is 0 … ∞.
 * @param confidence in (0, 1).
 */
export function ratioEstimate(
  numerators: readonly number[],
  denominators: readonly number[],
  confidence = 0.95,
): RatioEstimate {
  const [y, x] = [mean(numerators), mean(denominators)];
  const estimate = x > 0 ? Math.max(0, y / x) : Infinity;
  const count = numerators.length;
  if (count < 2) return { mean: count === 0 ? Number.NaN : estimate, low: 0, high: Infinity };
  const t2 = tQuantile(confidence, count - 1) ** 2 / count;
  // The ratio θ is inside the interval if (y − θx)² ≤ t² (s_yy − 2θ s_xy + θ² s_xx) / n: a θ² − 2bθ + c ≤ 0.
  const a = x * x - t2 * variance(denominators);
  const b = x * y - t2 * covariance(numerators, denominators);
  const c = y * y - t2 * variance(numerators);
  const root = Math.sqrt(Math.max(0, b * b - a * c));
  // The upper end is infinite if the denominator could be 0 or is clearly below 0.
  if (a > 0 && x > 0)
    return { mean: estimate, low: Math.max(0, (b - root) / a), high: Math.max(0, (b + root) / a) };
  return { mean: estimate, low: c > 0 && a < 0 ? Math.max(0, (b - root) / a) : 0, high: Infinity };
}

/**
 * Draws a ratio from its confidence distribution, in which the errors of the two means are jointly t-distributed. The
 * quantiles of many draws agree with `ratioEstimate`. Infinite if the drawn denominator is not positive.
 */
export function drawRatio(numerators: readonly number[], denominators: readonly number[], rng: Rng): number {
  const count = numerators.length;
  const [syy, sxx] = [variance(numerators) / count, variance(denominators) / count];
  const sxy = covariance(numerators, denominators) / count;
  let squares = 0;
  for (let i = 1; i < count; i++) squares += drawNormal(rng) ** 2;
  const stretch = Math.sqrt((count - 1) / squares);
  const [first, second] = [stretch * drawNormal(rng), stretch * drawNormal(rng)];
  const x = mean(denominators) + Math.sqrt(sxx) * first;
  const own = sxx > 0 ? sxy / Math.sqrt(sxx) : 0;
  const y = mean(numerators) + own * first + Math.sqrt(Math.max(0, syy - own * own)) * second;
  return x > 0 ? Math.max(0, y / x) : Infinity;
}

function covariance(a: readonly number[], b: readonly number[]): number {
  const [centreA, centreB] = [mean(a), mean(b)];
  return a.reduce((sum, value, i) => sum + (value - centreA) * (b[i]! - centreB), 0) / (a.length - 1);
}

/** Draws from the standard normal distribution (Box & Muller 1958). */
export function drawNormal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
