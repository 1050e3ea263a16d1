import * as z from 'zod';
import { betaInterval, type Interval } from '../../statistics/intervals.ts';
import type { Verdict } from '../../core/verdict.ts';

/** A pass rate with its evidence: attempts at a problem, and how many succeeded. */
export interface Trials {
  /** Attempts judged `correct`. */
  readonly successes: number;
  /** Attempts that could be judged; `ungradable` attempts never count. */
  readonly trials: number;
}

/** The pass rates of one model: trials by problem id. Problems that were not measured are missing. */
export type PassRates = ReadonlyMap<string, Trials>;

/** Label under which levels, rules and samplers find the pass rates of the model being trained. */
export const policyLabel = 'policy';

/** Label of the model being trained, measured without the environments of the recipe. */
export const closedBookLabel = 'policy-closed-book';

/** No trials yet. */
export const noTrials: Trials = { successes: 0, trials: 0 };

/**
 * Prior of a pass rate: Beta(alpha, beta). The default Beta(1, 1) is uniform; Beta(0.5, 0.5) is Jeffreys' prior.
 */
export const priorConfig = z.strictObject({
  alpha: z.number().positive().default(1),
  beta: z.number().positive().default(1),
});

/** Parameters of a Beta distribution, both > 0. */
export type Prior = z.infer<typeof priorConfig>;

/** Counts verdicts: `correct` is a success, `ungradable` is not a trial, every other outcome is a failure. */
export function countTrials(verdicts: Iterable<Pick<Verdict, 'outcome'>>): Trials {
  let successes = 0;
  let trials = 0;
  for (const { outcome } of verdicts) {
    if (outcome === 'ungradable') continue;
    trials++;
    if (outcome === 'correct') successes++;
  }
  return { successes, trials };
}

/** Adds trials at one problem under the same conditions. */
export function mergeTrials(...parts: readonly Trials[]): Trials {
  return parts.reduce(
    (sum, part) => ({ successes: sum.successes + part.successes, trials: sum.trials + part.trials }),
    noTrials,
  );
}

/** Returns the mean of the Beta posterior, from 0 (hard) to 1 (easy); without trials, the prior's mean. */
export function posteriorMean({ successes, trials }: Trials, { alpha, beta }: Prior): number {
  return (successes + alpha) / (trials + alpha + beta);
}

/**
 * Returns a function from trials to the credible interval of the pass rate. The interval begins at exactly 0 if no
 * attempt succeeded, and ends at exactly 1 if all did (Brown, Cai & DasGupta 2001, §4.1.2): 0 of 8 does not rule out
 * "never". Results are cached: a pool of 100,000 problems has few distinct counts.
 *
 * @param confidence in (0, 1).
 */
export function passRateIntervals(prior: Prior, confidence: number): (trials: Trials) => Interval {
  const known = new Map<string, Interval>();
  return (trials) => {
    const key = `${trials.successes}/${trials.trials}`;
    const interval = known.get(key) ?? passRateInterval(trials, prior, confidence);
    known.set(key, interval);
    return interval;
  };
}

function passRateInterval({ successes, trials }: Trials, prior: Prior, confidence: number): Interval {
  const { low, high } = betaInterval(successes, trials, { prior, confidence });
  return { low: successes === 0 ? 0 : low, high: successes === trials ? 1 : high };
}
