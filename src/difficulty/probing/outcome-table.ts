import type { BetaShape } from '../../statistics/beta.ts';
import { cellOf, type Cut } from './cut-points.ts';

/**
 * How populations of problems are described: some are never solved, some always, and the rest spread over Beta bumps
 * whose shares are learned. Dense towards both ends, because real pools have most of their problems there.
 */
const bumps: readonly BetaShape[] = [
  { alpha: 1, beta: 300 },
  { alpha: 1, beta: 70 },
  { alpha: 1.5, beta: 30 },
  { alpha: 2, beta: 14 },
  { alpha: 3, beta: 9 },
  { alpha: 5, beta: 8 },
  { alpha: 6, beta: 6 },
  { alpha: 8, beta: 5 },
  { alpha: 9, beta: 3 },
  { alpha: 14, beta: 2 },
  { alpha: 30, beta: 1.5 },
  { alpha: 70, beta: 1 },
  { alpha: 300, beta: 1 },
];

/** Shares a population can be made of: all bumps, then never, then always. */
export const componentCount = bumps.length + 2;

/**
 * For each kind of problem, the probability of every record of attempts together with the cell in which `horizon`
 * attempts would end. Levels are questions about a stated number of attempts: no finite number shows that a pass rate
 * is exactly 0.
 */
export interface OutcomeTable {
  readonly horizon: number;
  /** Cells: one more than there are cuts. */
  readonly cells: number;
  /** By record, component and cell; see `recordIndex`. Probability of one order of the attempts, not of all orders. */
  readonly mass: Float64Array;
  /** Cell of the pass rate `successes` / horizon, by successes. */
  readonly cellOfTotal: Uint8Array;
}

/** Place of `successes` of `trials` among all records. */
export function recordIndex(successes: number, trials: number): number {
  return (trials * (trials + 1)) / 2 + successes;
}

/** Computes the table backwards from the horizon: a record's mass is that of its two continuations. */
export function createOutcomeTable(cuts: readonly Cut[], horizon: number): OutcomeTable {
  const cells = cuts.length + 1;
  const width = componentCount * cells;
  const mass = new Float64Array(recordIndex(0, horizon + 1) * width);
  const cellOfTotal = Uint8Array.from({ length: horizon + 1 }, (_, total) => cellOf(cuts, total, horizon));
  fillLastRow(mass, cellOfTotal, cells);
  for (let trials = horizon - 1; trials >= 0; trials--) {
    for (let successes = 0; successes <= trials; successes++) {
      const here = recordIndex(successes, trials) * width;
      const failed = recordIndex(successes, trials + 1) * width;
      for (let i = 0; i < width; i++) mass[here + i] = mass[failed + i]! + mass[failed + width + i]!;
    }
  }
  return { horizon, cells, mass, cellOfTotal };
}

/** Probability of a record and each cell, for a population with these shares. Written into `into`; returns the sum. */
export function cellMasses(
  { mass, cells }: OutcomeTable,
  shares: ArrayLike<number>,
  record: number,
  into: Float64Array,
): number {
  into.fill(0);
  let total = 0;
  let at = record * componentCount * cells;
  for (let component = 0; component < componentCount; component++) {
    for (let cell = 0; cell < cells; cell++, at++) {
      const part = shares[component]! * mass[at]!;
      into[cell]! += part;
      total += part;
    }
  }
  return total;
}

/** Probability of a record under one component. */
export function componentMass({ mass, cells }: OutcomeTable, record: number, component: number): number {
  let total = 0;
  const at = (record * componentCount + component) * cells;
  for (let cell = 0; cell < cells; cell++) total += mass[at + cell]!;
  return total;
}

function fillLastRow(mass: Float64Array, cellOfTotal: Uint8Array, cells: number): void {
  const horizon = cellOfTotal.length - 1;
  const put = (component: number, total: number, probability: number): void => {
    mass[(recordIndex(total, horizon) * componentCount + component) * cells + cellOfTotal[total]!] =
      probability;
  };
  bumps.forEach(({ alpha, beta }, component) => {
    let probability = 1;
    for (let i = 0; i < horizon; i++) probability *= (beta + i) / (alpha + beta + i);
    for (let total = 0; total <= horizon; total++) {
      put(component, total, probability);
      probability *= (alpha + total) / (beta + horizon - total - 1);
    }
  });
  put(bumps.length, 0, 1);
  put(bumps.length + 1, horizon, 1);
}
