import { DataError } from '../core/errors.ts';
import { mean } from '../statistics/summary.ts';
import { differenceEstimate, type Estimate } from '../statistics/intervals.ts';
import type { Evaluation } from './evaluate.ts';
import { passRateOf, type ProblemResult } from './problem-result.ts';

/** Two measurements of the same problems, side by side. Rates in [0, 1]. */
export interface PairedDifference {
  readonly problems: number;
  readonly before: number;
  readonly after: number;
  /** after − before, with its paired 95 % bootstrap interval over problems. */
  readonly difference: Estimate;
  readonly greedyBefore?: number;
  readonly greedyAfter?: number;
}

/** Differences between two evaluations. */
export interface Comparison {
  readonly overall: PairedDifference;
  readonly byDomain: Readonly<Record<string, PairedDifference>>;
  /** Reasons why the two may not be comparable; empty if none is known. */
  readonly warnings: readonly string[];
}

type Pair = readonly [before: ProblemResult, after: ProblemResult];

/**
 * Compares two evaluations problem by problem, over the problems judged in both. Pairing removes the spread between
 * easy and hard problems from the interval.
 *
 * @throws DataError when they share no judged problem.
 */
export function comparePaired(before: Evaluation, after: Evaluation, { seed = 0 } = {}): Comparison {
  const earlier = new Map(before.problems.map((result) => [result.id, result]));
  const pairs = after.problems.flatMap((result): Pair[] => {
    const other = earlier.get(result.id);
    return other === undefined || other.trials === 0 || result.trials === 0 ? [] : [[other, result]];
  });
  if (pairs.length === 0) {
    throw new DataError(
      `expected two evaluations with judged problems in common, got none among ${before.problems.length} problems of ${before.suite} and ${after.problems.length} of ${after.suite}`,
      { tryNext: 'gradus runs show <run>' },
    );
  }
  const byDomain = Map.groupBy(pairs, ([, { domain }]) => domain);
  return {
    overall: difference(pairs, seed),
    byDomain: Object.fromEntries(Array.from(byDomain, ([name, some]) => [name, difference(some, seed)])),
    warnings: reasonsToDoubt(before, after, pairs.length),
  };
}

function difference(pairs: readonly Pair[], seed: number): PairedDifference {
  const changes = pairs.map(([before, after]) => passRateOf(after) - passRateOf(before));
  const sure = pairs.flatMap(([before, after]) =>
    before.greedy === undefined || after.greedy === undefined
      ? []
      : [[+before.greedy, +after.greedy] as const],
  );
  return {
    problems: pairs.length,
    before: mean(pairs.map(([before]) => passRateOf(before))),
    after: mean(pairs.map(([, after]) => passRateOf(after))),
    difference: differenceEstimate(changes, { seed }),
    ...(sure.length === 0
      ? {}
      : { greedyBefore: mean(sure.map(([one]) => one)), greedyAfter: mean(sure.map(([, two]) => two)) }),
  };
}

function reasonsToDoubt(before: Evaluation, after: Evaluation, shared: number): string[] {
  const reasons: string[] = [];
  const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);
  if (differs(before.sampling, after.sampling))
    reasons.push('sampled differently (rollouts, temperature or limits)');
  if (differs(before.verifiers, after.verifiers)) {
    reasons.push(`judged by ${before.verifiers.join(', ')} and by ${after.verifiers.join(', ')}`);
  }
  const all = Math.max(before.problems.length, after.problems.length);
  if (shared < all) reasons.push(`only ${shared} of ${all} problems were judged in both`);
  return reasons;
}
