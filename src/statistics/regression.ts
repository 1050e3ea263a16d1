import { mean } from './summary.ts';

/** A line fitted to points. */
export interface Line {
  readonly intercept: number;
  readonly slope: number;
  /** Standard error of the slope; Infinity for two points, which leave no residuals. */
  readonly slopeError: number;
}

/**
 * Fits a line to (x, y) by least squares. The standard error assumes independent residuals with equal variance, so it
 * is too small for smoothed or autocorrelated curves: pass raw values.
 *
 * @throws RangeError for fewer than two points, or if all x are equal.
 */
export function linearFit(x: ArrayLike<number>, y: ArrayLike<number>): Line {
  if (x.length !== y.length) {
    throw new RangeError(`expected as many x values as y values, got ${x.length} and ${y.length}`);
  }
  const centreX = mean(x);
  const centreY = mean(y);
  let spread = 0;
  let shared = 0;
  for (let i = 0; i < x.length; i++) {
    spread += (x[i]! - centreX) ** 2;
    shared += (x[i]! - centreX) * (y[i]! - centreY);
  }
  if (!(spread > 0)) throw new RangeError('expected at least two distinct x values to fit a line');
  const slope = shared / spread;
  const intercept = centreY - slope * centreX;
  let residual = 0;
  for (let i = 0; i < x.length; i++) residual += (y[i]! - intercept - slope * x[i]!) ** 2;
  const freedom = x.length - 2;
  return { intercept, slope, slopeError: freedom > 0 ? Math.sqrt(residual / freedom / spread) : Infinity };
}
