/** The Beta distribution: the posterior of a pass rate after some trials. */

/** Shape of a Beta distribution; both > 0. Its mean is alpha / (alpha + beta). */
export interface BetaShape {
  readonly alpha: number;
  readonly beta: number;
}

/**
 * Jeffreys' prior. Its intervals have nearly their nominal coverage for every pass rate (Brown, Cai & DasGupta 2001).
 */
export const jeffreysPrior: BetaShape = { alpha: 0.5, beta: 0.5 };

/**
 * Returns the posterior of a pass rate after `successes` in `trials` attempts. Counts may be fractional, e.g. if older
 * attempts have less weight.
 */
export function betaPosterior(
  successes: number,
  trials: number,
  prior: BetaShape = jeffreysPrior,
): BetaShape {
  return { alpha: prior.alpha + successes, beta: prior.beta + trials - successes };
}

/**
 * Returns the probability that a Beta variable is at most x: the regularised incomplete beta function I_x(α, β).
 * Relative error below 1e-13 for parameters up to 100, below 1e-10 up to 1e5 (checked against mpmath).
 */
export function betaCdf({ alpha, beta }: BetaShape, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The continued fraction converges fast below the mean; above it, use I_x(α, β) = 1 − I_{1−x}(β, α).
  return x < (alpha + 1) / (alpha + beta + 2) ? lowerTail(alpha, beta, x) : 1 - lowerTail(beta, alpha, 1 - x);
}

/** Returns the x for which `betaCdf` is p, by Newton's method with bisection as a fallback. */
export function betaQuantile(shape: BetaShape, p: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  let low = 0;
  let high = 1;
  let x = shape.alpha / (shape.alpha + shape.beta);
  for (let i = 0; i < 200 && high - low > 1e-15 * high; i++) {
    const error = betaCdf(shape, x) - p;
    if (error === 0) return x;
    if (error > 0) high = x;
    else low = x;
    const newton = x - error / betaDensity(shape, x);
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - x) <= 1e-14 * x) return next;
    x = next;
  }
  return x;
}

function betaDensity({ alpha, beta }: BetaShape, x: number): number {
  return Math.exp((alpha - 1) * Math.log(x) + (beta - 1) * Math.log1p(-x) - logBeta(alpha, beta));
}

/** Returns I_x(a, b) = x^a (1−x)^b / (a·B(a, b)) · continued fraction. */
function lowerTail(a: number, b: number, x: number): number {
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  return front * continuedFraction(a, b, x);
}

/** Evaluates the continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22). */
function continuedFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  const awayFromZero = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    result *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return result;
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/**
 * Returns ln Γ(x) for x > 0: recurrence until x ≥ 10, then Stirling's series (DLMF 5.11.1); relative error <
 * 1e-15.
 */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 10; z++) shift += Math.log(z);
  const inverseSquare = 1 / (z * z);
  let series = 0;
  for (const coefficient of stirling) series = series * inverseSquare + coefficient;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series / z - shift;
}

/** B_{2k} / (2k(2k − 1)), highest k first. */
const stirling = [-3617 / 122_400, 1 / 156, -691 / 360_360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12];
