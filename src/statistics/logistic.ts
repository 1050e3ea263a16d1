/** Observed shares, their weights, and the columns that predict them. */
export interface LogisticData {
  /** Columns of equal length; the intercept is implied. */
  readonly columns: readonly ArrayLike<number>[];
  /** Shares in [0, 1]. */
  readonly shares: ArrayLike<number>;
  /** Weight of each row, e.g. its number of trials; default 1. 0 leaves the row out. */
  readonly weights?: ArrayLike<number>;
}

/** A fitted logistic regression: log-odds = intercept + Σ slopes · columns. */
export interface LogisticFit {
  readonly intercept: number;
  readonly slopes: readonly number[];
}

/**
 * Maximum number of Newton steps. The objective is convex, and five to eight steps reach the optimum to within
 * rounding.
 */
const mostSteps = 30;
const converged = 1e-9;

/**
 * Fits a logistic regression by Newton's method (iteratively reweighted least squares), with a ridge penalty
 * `ridge / 2 · Σ slopes²`. Standardise columns first, so that the penalty treats them alike. The only penalty
 * on the intercept is half a success and half a failure, which keep it finite if all shares are 0 or 1.
 *
 * @param ridge ≥ 0, in the unit of the row weights.
 */
export function fitLogistic({ columns, shares, weights }: LogisticData, ridge: number): LogisticFit {
  const size = columns.length + 1;
  const at = (row: number, i: number): number => (i === 0 ? 1 : columns[i - 1]![row]!);
  const theta = Array.from({ length: size }, () => 0);
  theta[0] = startOf(shares, weights);
  for (let step = 0; step < mostSteps; step++) {
    const gradient = new Float64Array(size);
    const curvature = Array.from({ length: size }, () => new Float64Array(size));
    const add = (row: number | null, share: number, weight: number): void => {
      const value = (i: number): number => (row === null ? Number(i === 0) : at(row, i));
      let odds = 0;
      for (let i = 0; i < size; i++) odds += theta[i]! * value(i);
      const rate = 1 / (1 + Math.exp(-odds));
      const bend = weight * rate * (1 - rate);
      for (let i = 0; i < size; i++) {
        gradient[i]! += weight * (rate - share) * value(i);
        for (let j = 0; j <= i; j++) curvature[i]![j]! += bend * value(i) * value(j);
      }
    };
    add(null, 0.5, 1);
    for (let row = 0; row < shares.length; row++) {
      const weight = weights?.[row] ?? 1;
      if (weight > 0) add(row, shares[row]!, weight);
    }
    for (let i = 1; i < size; i++) {
      gradient[i]! += ridge * theta[i]!;
      curvature[i]![i]! += ridge;
    }
    const move = solve(curvature, gradient);
    let largest = 0;
    for (let i = 0; i < size; i++) {
      // Bound the step: more than 4 in log-odds leaves the region in which the quadratic model is accurate.
      const bounded = Math.max(-4, Math.min(4, move[i]!));
      theta[i]! -= bounded;
      largest = Math.max(largest, Math.abs(bounded));
    }
    if (largest < converged) break;
  }
  return { intercept: theta[0], slopes: theta.slice(1) };
}

/** Returns the log-odds that a fit predicts for a row. */
export function logOdds({ intercept, slopes }: LogisticFit, row: ArrayLike<number>): number {
  return slopes.reduce((sum, slope, i) => sum + slope * row[i]!, intercept);
}

function startOf(shares: ArrayLike<number>, weights: ArrayLike<number> | undefined): number {
  let [hits, total] = [0.5, 1];
  for (let row = 0; row < shares.length; row++) {
    const weight = weights?.[row] ?? 1;
    if (weight === 0) continue;
    hits += weight * shares[row]!;
    total += weight;
  }
  return Math.log(hits / (total - hits));
}

/** Solves A x = b by Cholesky decomposition, for a positive definite matrix A that is given by its lower triangle. */
function solve(a: readonly Float64Array[], b: Float64Array): Float64Array {
  const size = b.length;
  const lower = a.map((row) => Float64Array.from(row));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = lower[i]![j]!;
      for (let k = 0; k < j; k++) sum -= lower[i]![k]! * lower[j]![k]!;
      // A column that depends linearly on the others has no curvature left: keep its coefficient unchanged.
      lower[i]![j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j]![j]!;
    }
  }
  const x = Float64Array.from(b);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i]! -= lower[i]![k]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i]! -= lower[k]![i]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  return x;
}
