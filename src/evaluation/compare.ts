import { DataError } from '../core/errors.ts';
import { mean } from '../statistics/summary.ts';
import { differenceEstimate, type Estimate } from '../statistics/intervals.ts';
import type { Evaluation } from './evaluate.ts';
import { passRateOf, type ProblemResult } from './problem-result.ts';

/** Two measurements of the same problems. Rates are in [0, 1]. */
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
  /** Differences by family; empty if the problems have no families. */
  readonly byFamily: Readonly<Record<string, PairedDifference>>;
  /** Known reasons why the two evaluations may not be comparable. */
  readonly warnings: readonly string[];
}

type Pair = readonly [before: ProblemResult, after: ProblemResult];

/**
 * Compares two evaluations problem by problem, over the problems judged in both. Pairing removes the spread between
 * easy and hard problems from the interval. Comparing an evaluation (the same object) with itself gives exactly 0,
 * even with few problems.
 *
 * @throws DataError if the evaluations share no judged problem.
 */
export function comparePaired(before: Evaluation, after: Evaluation, { seed = 0 } = {}): Comparison {
  const pairs = pairResults(before, after);
  if (pairs.length === 0) {
    throw new DataError(
      `expected two evaluations with judged problems in common, got none among ${before.problems.length} problems of ${before.suite} and ${after.problems.length} of ${after.suite}`,
      { tryNext: 'gradus runs show <run>' },
    );
  }
  const estimate: EstimateChange = (changes) =>
    before === after ? { mean: 0, low: 0, high: 0 } : differenceEstimate(changes, { seed });
  const by = (name: (result: ProblemResult) => string | undefined): Record<string, PairedDifference> => {
    const groups = Map.groupBy(pairs, ([, result]) => name(result));
    return Object.fromEntries(
      Array.from(groups, ([key, some]) =>
        key === undefined ? [] : [[key, difference(some, estimate)]],
      ).flat(),
    ) as Record<string, PairedDifference>;
  };
  const all = Math.max(before.problems.length, after.problems.length);
  return {
    overall: difference(pairs, estimate),
    byDomain: by(({ domain }) => domain),
    byFamily: by(({ family }) => family),
    warnings: [
      ...settingDifferences(before, after),
      ...(pairs.length < all ? [`only ${pairs.length} of ${all} problems were judged in both`] : []),
    ],
  };
}

/** Pairs the results of the problems that were judged in both evaluations, in the order of `after`. */
export function pairResults(before: Evaluation, after: Evaluation): Pair[] {
  const earlier = new Map(before.problems.map((result) => [result.id, result]));
  return after.problems.flatMap((result): Pair[] => {
    const other = earlier.get(result.id);
    return other === undefined || other.trials === 0 || result.trials === 0 ? [] : [[other, result]];
  });
}

type EstimateChange = (changes: readonly number[]) => Estimate;

function difference(pairs: readonly Pair[], estimate: EstimateChange): PairedDifference {
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
    difference: estimate(changes),
    ...(sure.length === 0
      ? {}
      : { greedyBefore: mean(sure.map(([one]) => one)), greedyAfter: mean(sure.map(([, two]) => two)) }),
  };
}

/** Returns the differences in the settings of two evaluations, one phrase each; empty if they are comparable. */
export function settingDifferences(before: Evaluation, after: Evaluation): string[] {
  const reasons: string[] = [];
  const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);
  if (differs(before.sampling, after.sampling))
    reasons.push('sampled differently (rollouts, temperature or limits)');
  if (differs(before.verifiers, after.verifiers)) {
    reasons.push(`judged by ${before.verifiers.join(', ')} and by ${after.verifiers.join(', ')}`);
  }
  return reasons;
}
