import type { Estimate } from '../../statistics/intervals.ts';
import { ratioEstimate } from '../../statistics/ratio.ts';

/** Gradient norms of two disjoint halves of a batch and of their sum, with the same loss weights. */
export interface SplitGradient {
  /** Number of live groups in each half; ≥ 1. Zero-advantage groups add nothing to a gradient and do not count. */
  readonly groups: readonly [number, number];
  /** L2 norm of each half's gradient. */
  readonly norms: readonly [number, number];
  /** L2 norm of the gradient of both halves together. */
  readonly wholeNorm: number;
}

/** Estimates of noise and signal from one split, both multiplied by `groups[0] · groups[1]`. */
export interface NoiseParts {
  /** Trace of the covariance of one group's gradient, tr Σ, times the factor. */
  readonly noise: number;
  /** Squared norm of the mean gradient, |G|², times the factor; may be negative by chance. */
  readonly signal: number;
}

/**
 * Returns unbiased estimates of tr Σ and |G|², times n_a n_b, from the halves a and b of a batch: |a + b|² − |a|² −
 * |b|² = 2 a·b, whose expectation is 2 n_a n_b |G|² because groups are independent (McCandlish et al., arXiv
 * 1812.06162, appendix A.1; two halves instead of one part and the complete batch give half the variance).
 */
export function noiseParts({ groups: [n, m], norms: [a, b], wholeNorm }: SplitGradient): NoiseParts {
  const own = a * a + b * b;
  const signal = (wholeNorm * wholeNorm - own) / 2;
  // E(|a|² + |b|²) = (n + m) tr Σ + (n² + m²) |G|², and `signal` is n m |G|².
  return { signal, noise: (n * m * own - (n * n + m * m) * signal) / (n + m) };
}

/**
 * Estimates the critical batch b_c = tr Σ / |G|² in live groups: at b_c groups, noise and signal of a gradient are
 * equal. Computed as a ratio of sums over splits, with Fieller's interval.
 *
 * @param parts noise and signal of each split of one training run or probe; with fewer than two, the interval
 * is 0 … ∞.
 */
export function criticalBatch(parts: readonly NoiseParts[]): Estimate {
  return ratioEstimate(
    parts.map(({ noise }) => noise),
    parts.map(({ signal }) => signal),
  );
}

/**
 * Returns the progress of an AdamW update with `live` groups, relative to an update without noise, in [0, 1]:
 * √(b / (b + b_c)). Adam divides the mean gradient g by the root of its mean square g² + σ²/b, so noise shortens the
 * step in the direction of g.
 *
 * @param critical b_c in live groups, finite.
 */
export function updateProgress(live: number, critical: number): number {
  return live === 0 ? 0 : Math.sqrt(live / (live + critical));
}

/**
 * Returns the share of an update's attainable progress, in [0, 1], that zero-advantage groups cost, relative to an
 * update whose groups are all live. Near 0 if noise is small, whatever the share of live groups.
 *
 * @param live number of live groups of the update.
 * @param groups number of all groups of the update, > 0.
 * @param critical b_c in live groups; may be infinite.
 */
export function signalLost(live: number, groups: number, critical: number): number {
  if (critical === Infinity) return 1 - Math.sqrt(live / groups);
  return 1 - updateProgress(live, critical) / updateProgress(groups, critical);
}
