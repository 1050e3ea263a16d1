import * as z from 'zod';
import { normalise, rateGrid, spacing } from './rate-grid.ts';

/**
 * Drift of pass rates while the policy learns, per unit of time (a training step, or one visit to every problem; use
 * one unit throughout). Log-odds follow a random walk: old measurements lose value, but "nearly always" stays far from
 * "sometimes", which decaying counts do not achieve. See docs/algorithms/drift.md.
 */
export const driftConfig = z.strictObject({
  /** Standard deviation of the change of the log-odds. */
  volatility: z.number().positive().default(0.12),
  /** Mean change of the log-odds: the effect of training. */
  trend: z.number().default(0.03),
  /**
   * Share of problems whose log-odds leap, per unit of time, instead of drifting, and the size of a leap as a multiple
   * of `volatility`.
   */
  leapShare: z.number().min(0).max(1).default(0.02),
  leap: z.number().positive().default(4),
});

/** A validated drift. */
export type Drift = z.infer<typeof driftConfig>;

/** Belief about a pass rate: probabilities over a fixed grid of log-odds, summing to 1. */
export type RateBelief = Float64Array;

/** Model of how beliefs change with time; see `createDriftModel`. */
export interface DriftModel {
  /** Belief about a problem without trials. */
  readonly start: RateBelief;
  /** Returns the belief after `age` units of time without new trials. */
  aged(belief: RateBelief, age: number): RateBelief;
}

/** @param start belief about a problem without trials, from `learnStart` or `rateGrid.uniform`. */
export function createDriftModel(drift: Drift, start: RateBelief): DriftModel {
  const kernels = new Map<number, Float64Array>();
  const kernelFor = (age: number): Float64Array => {
    const kernel = kernels.get(age) ?? kernelOf(drift, age);
    kernels.set(age, kernel);
    return kernel;
  };
  return { start, aged: (belief, age) => (age <= 0 ? belief : moved(belief, kernelFor(age))) };
}

/** Returns the belief after observing `successes` in `trials`. */
export function observed(belief: RateBelief, successes: number, trials: number): RateBelief {
  const likelihood = rateGrid.likelihood(successes, trials);
  return normalise(belief.map((probability, i) => probability * likelihood[i]!));
}

/** Returns the probability of each number of successes in `trials` further attempts. */
export function predicted(belief: RateBelief, trials: number): number[] {
  return Array.from({ length: trials + 1 }, (_, successes) => {
    const likelihood = rateGrid.likelihood(successes, trials);
    return belief.reduce((sum, probability, i) => sum + probability * likelihood[i]!, 0);
  });
}

/** Returns the mean and standard deviation of the pass rate under a belief. */
export function describeBelief(belief: RateBelief): { mean: number; deviation: number } {
  let mean = 0;
  let square = 0;
  belief.forEach((probability, i) => {
    mean += probability * rateGrid.rates[i]!;
    square += probability * rateGrid.rates[i]! ** 2;
  });
  return { mean, deviation: Math.sqrt(Math.max(0, square - mean * mean)) };
}

/** The constants of `learnStart`; docs/algorithms/drift.md lists the cost of other values. */
export const startTuning = {
  /**
   * Rounds of expectation maximisation. Deliberately few: more would concentrate the belief on single points of the
   * grid.
   */
  rounds: 40,
  /** Prior weight of each point of the grid, in problems: about five problems in all. */
  floor: 0.05,
};

/**
 * Fits the distribution of pass rates before training to the first trials of all problems, by expectation maximisation.
 */
export function learnStart(
  first: readonly { readonly successes: number; readonly trials: number }[],
  { rounds, floor } = startTuning,
): RateBelief {
  let start = rateGrid.uniform();
  for (let round = 0; round < rounds; round++) {
    const next = new Float64Array(start.length).fill(floor);
    for (const { successes, trials } of first) {
      observed(start, successes, trials).forEach((probability, i) => {
        next[i]! += probability;
      });
    }
    start = normalise(next);
  }
  return start;
}

/** Returns the transition matrix from log-odds i to log-odds j, row-major. */
function kernelOf({ volatility, trend, leapShare, leap }: Drift, age: number): Float64Array {
  const size = rateGrid.rates.length;
  const kernel = new Float64Array(size * size);
  const usual = volatility * Math.sqrt(age);
  // At most one leap happens; its probability grows with the elapsed time.
  const leaps = 1 - (1 - leapShare) ** age;
  for (let from = 0; from < size; from++) {
    const row = kernel.subarray(from * size, (from + 1) * size);
    for (let to = 0; to < size; to++) {
      const change = (to - from) * spacing - trend * age;
      row[to] = (1 - leaps) * bell(change, usual) + leaps * bell(change, usual * leap);
    }
    normalise(row);
  }
  return kernel;
}

function bell(x: number, deviation: number): number {
  return Math.exp(-0.5 * (x / deviation) ** 2) / deviation;
}

function moved(belief: RateBelief, kernel: Float64Array): RateBelief {
  const size = belief.length;
  const next = new Float64Array(size);
  for (let from = 0; from < size; from++) {
    const probability = belief[from]!;
    if (probability < 1e-9) continue;
    for (let to = 0; to < size; to++) next[to]! += probability * kernel[from * size + to]!;
  }
  return normalise(next);
}
