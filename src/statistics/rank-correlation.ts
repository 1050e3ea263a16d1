import type { Estimate } from './intervals.ts';
import { mean } from './summary.ts';

/** Returns the rank of each value, from 1; equal values share the mean of their ranks. */
export function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).toSorted((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && values[order[end]!] === values[order[first]!]) end++;
    for (let i = first; i < end; i++) ranks[order[i]!] = (first + 1 + end) / 2;
    first = end;
  }
  return ranks;
}

/**
 * Returns Spearman's rank correlation of paired values, in [−1, 1]: Pearson's correlation of their ranks. NaN
 * if either list has fewer than two distinct values.
 */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length)
    throw new RangeError(`expected as many x values as y values, got ${x.length} and ${y.length}`);
  const [a, b] = [ranksOf(x), ranksOf(y)];
  const [meanA, meanB] = [mean(a), mean(b)];
  let [shared, spreadA, spreadB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    shared += (a[i]! - meanA) * (b[i]! - meanB);
    spreadA += (a[i]! - meanA) ** 2;
    spreadB += (b[i]! - meanB) ** 2;
  }
  if (spreadA === 0 || spreadB === 0) return Number.NaN;
  return Math.max(-1, Math.min(1, shared / Math.sqrt(spreadA * spreadB)));
}

/**
 * Returns Spearman's correlation with its 95 % interval, from Fisher's z with variance (1 + ρ²/2) / (n − 3)
 * (Bonett & Wright 2000). [−1, 1] for fewer than four pairs.
 */
export function spearmanEstimate(x: ArrayLike<number>, y: ArrayLike<number>): Estimate {
  const rho = spearman(x, y);
  if (x.length < 4) return { mean: rho, low: -1, high: 1 };
  const half = 1.959964 * Math.sqrt((1 + rho ** 2 / 2) / (x.length - 3));
  const z = Math.atanh(rho);
  return { mean: rho, low: Math.tanh(z - half), high: Math.tanh(z + half) };
}
