import { type Estimate, tInterval } from '../../statistics/intervals.ts';
import { minimumDetectableEffect } from '../../statistics/power.ts';
import { mean, standardDeviation } from '../../statistics/summary.ts';
import { passRateOf, type ProblemResult } from '../problem-result.ts';
import type { Speed } from '../speed.ts';

/** Accuracies of one seed at the end of both runs, in [0, 1]. */
export interface SeedResult {
  readonly seed: number;
  readonly before: number;
  readonly after: number;
}

/**
 * Comparison of two recipes on the same problems, paired by seed. Accuracies are in [0, 1]; intervals are 95 %
 * t-intervals over seeds.
 */
export interface SeedsDifference {
  readonly problems: number;
  readonly before: Estimate;
  readonly after: Estimate;
  /** after − before, paired by seed. */
  readonly difference: Estimate;
  /** The smallest true difference that these seeds, problems and rollouts detect with 80 % power. */
  readonly detectable: number;
  readonly seeds: readonly SeedResult[];
  /** Cost of reaching the baseline's accuracy; absent if a run has fewer than two evaluations after step 0. */
  readonly speed?: Speed;
}

/** Results of one seed on the same judged problems. */
export interface PairedResults {
  readonly seed: number;
  readonly before: readonly ProblemResult[];
  readonly after: readonly ProblemResult[];
}

/**
 * Compares two sides, paired by seed. Each seed counts once, with its mean pass rate, because results of one trained
 * model are not independent.
 */
export function differenceOverSeeds(pairs: readonly PairedResults[]): SeedsDifference {
  const seeds = pairs.map(({ seed, before, after }) => ({
    seed,
    before: mean(before.map(passRateOf)),
    after: mean(after.map(passRateOf)),
  }));
  const differences = seeds.map(({ before, after }) => after - before);
  return {
    problems: pairs[0]!.before.length,
    before: tInterval(seeds.map(({ before }) => before)),
    after: tInterval(seeds.map(({ after }) => after)),
    difference: tInterval(differences),
    detectable: minimumDetectableEffect(standardDeviation(differences), seeds.length),
    seeds,
  };
}
