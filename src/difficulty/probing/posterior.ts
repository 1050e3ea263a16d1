import type { Interval } from '../../statistics/intervals.ts';
import { cellMasses, type OutcomeTable, recordIndex } from './outcome-table.ts';

/** Posterior of the pass rate that one problem has after `horizon` attempts. */
export interface Posterior extends Interval {
  /** The most probable cell. */
  readonly cell: number;
  /** Probability of each cell, summing to 1. */
  readonly probabilities: readonly number[];
  /** Expected pass rate. */
  readonly mean: number;
}

/**
 * Returns the posterior of a problem with the given record, from a population with the given shares.
 *
 * @param confidence confidence level of the interval. A finite horizon allows only discrete pass rates, so the
 * interval's probability is the closest attainable one, and coverage is right on average.
 */
export function posteriorOfRecord(
  table: OutcomeTable,
  shares: ArrayLike<number>,
  successes: number,
  attempts: number,
  confidence: number,
): Posterior {
  const cells = new Float64Array(table.cells);
  const total = cellMasses(table, shares, recordIndex(successes, attempts), cells);
  const probabilities = Array.from(cells, (mass) => mass / total);
  const totals = distributionOfTotal(table, shares, successes, attempts);
  const mean = totals.reduce((sum, probability, count) => sum + probability * count, 0) / table.horizon;
  const { first, last } = centralInterval(totals, confidence);
  return {
    cell: probabilities.indexOf(Math.max(...probabilities)),
    probabilities,
    mean,
    low: first / table.horizon,
    high: last / table.horizon,
  };
}

/** Returns the probability of each number of successes in `horizon` attempts, given a record and a population. */
export function distributionOfTotal(
  table: OutcomeTable,
  shares: ArrayLike<number>,
  successes: number,
  attempts: number,
): Float64Array {
  const left = table.horizon - attempts;
  const ignored = new Float64Array(table.cells);
  const total = cellMasses(table, shares, recordIndex(successes, attempts), ignored);
  const totals = new Float64Array(table.horizon + 1);
  let orders = 1;
  for (let more = 0; more <= left; more++) {
    const record = recordIndex(successes + more, table.horizon);
    totals[successes + more] = (orders * cellMasses(table, shares, record, ignored)) / total;
    orders *= (left - more) / (more + 1);
  }
  return totals;
}

/**
 * Drops equal probability from both tails. If the outermost value of one tail is too probable to drop, as "never"
 * often is, drops more from the other. Stops where the dropped probability is closest to 1 − confidence.
 */
function centralInterval(distribution: Float64Array, confidence: number): { first: number; last: number } {
  let first = 0;
  let last = distribution.length - 1;
  let mayDrop = 1 - confidence;
  const cut = (isLow: boolean, allowance: number): void => {
    const start = mayDrop;
    while (first < last) {
      const weight = distribution[isLow ? first : last]!;
      const left = allowance - (start - mayDrop);
      if (weight > 2 * left) return;
      mayDrop -= weight;
      if (isLow) first++;
      else last--;
    }
  };
  cut(true, mayDrop / 2);
  cut(false, mayDrop);
  cut(true, mayDrop);
  return { first, last };
}
