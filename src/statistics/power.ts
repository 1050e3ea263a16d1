import { tQuantile } from './intervals.ts';

/** Options of `minimumDetectableEffect`. */
export interface PowerOptions {
  /** Confidence level of the interval that must exclude 0. Default 0.95. */
  readonly confidence?: number;
  /** Probability of finding the effect. Default 0.8. */
  readonly power?: number;
}

/**
 * Returns the smallest true mean whose t-interval over `count` values excludes 0 with probability `power` (Bloom 1995):
 * (t_{ν,(1+c)/2} + t_{ν,power}) · deviation / √count with ν = count − 1. Same unit as the values; infinite below two
 * values.
 *
 * @param deviation sample standard deviation of the values, e.g. of differences paired by seed.
 * @example
 * minimumDetectableEffect(0.01, 5); // 0.0166: five seeds can detect 1.7 points, but not 1
 */
export function minimumDetectableEffect(
  deviation: number,
  count: number,
  { confidence = 0.95, power = 0.8 }: PowerOptions = {},
): number {
  if (count < 2) return Infinity;
  const multiplier = tQuantile(confidence, count - 1) + tQuantile(2 * power - 1, count - 1);
  return (multiplier * deviation) / Math.sqrt(count);
}
