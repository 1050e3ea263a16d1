import type { Interval } from '../core/statistics-intervals.ts';
import { cellMasses, type OutcomeTable, recordIndex } from './outcome-table.ts';

/** Belief about one problem: what its pass rate over the whole horizon of attempts would turn out to be. */
export interface Assessment extends Interval {
  /** The likeliest cell. */
  readonly cell: number;
  /** Probability of each cell, summing to 1. */
  readonly probabilities: readonly number[];
  /** Expected pass rate. */
  readonly mean: number;
}

/**
 * What a record says of a problem that comes from a population with these shares.
 *
 * @param confidence of the interval, which is central. A horizon is finite, so its pass rates come in steps: each end
 *   lies at the step that leaves the tail closest to its share, and intervals hold as often as they say on average.
 */
export function assessRecord(
  table: OutcomeTable,
  shares: ArrayLike<number>,
  successes: number,
  attempts: number,
  confidence: number,
): Assessment {
  const cells = new Float64Array(table.cells);
  const total = cellMasses(table, shares, recordIndex(successes, attempts), cells);
  const probabilities = Array.from(cells, (mass) => mass / total);
  const totals = distributionOfTotal(table, shares, successes, attempts, total);
  const mean = totals.reduce((sum, probability, count) => sum + probability * count, 0) / table.horizon;
  const tail = (1 - confidence) / 2;
  return {
    cell: probabilities.indexOf(Math.max(...probabilities)),
    probabilities,
    mean,
    low: stepsToCut(totals, tail) / table.horizon,
    high: 1 - stepsToCut(totals.toReversed(), tail) / table.horizon,
  };
}

/** Probability of each number of successes in the whole horizon. */
function distributionOfTotal(
  table: OutcomeTable,
  shares: ArrayLike<number>,
  successes: number,
  attempts: number,
  total: number,
): Float64Array {
  const left = table.horizon - attempts;
  const ignored = new Float64Array(table.cells);
  const totals = new Float64Array(table.horizon + 1);
  let orders = 1;
  for (let more = 0; more <= left; more++) {
    const record = recordIndex(successes + more, table.horizon);
    totals[successes + more] = (orders * cellMasses(table, shares, record, ignored)) / total;
    orders *= (left - more) / (more + 1);
  }
  return totals;
}

/** How many steps to leave out at the beginning so that what they weigh comes closest to `tail`. */
function stepsToCut(distribution: Float64Array, tail: number): number {
  let weight = 0;
  for (let steps = 0; steps < distribution.length; steps++) {
    const next = weight + distribution[steps]!;
    if (next - tail > tail - weight) return steps;
    weight = next;
  }
  return distribution.length - 1;
}
