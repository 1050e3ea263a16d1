import type { BetaShape } from '../../statistics/beta.ts';
import { cellOf, type Cut } from './cut-points.ts';
import { probingTuning } from './tuning.ts';

/**
 * The joint probability, for each component of the population, of every record of attempts and of the cell after
 * `horizon` attempts. Levels refer to a fixed number of attempts, because no finite number shows that a pass rate is
 * exactly 0.
 */
export interface OutcomeTable {
  readonly horizon: number;
  /** Number of cells: one more than the number of cuts. */
  readonly cells: number;
  /** Number of components of a population: every Beta shape, then "never", then "always". */
  readonly components: number;
  /**
   * By record, component and cell; see `recordIndex`. The probability is that of one order of the attempts, not of
   * all orders.
   */
  readonly mass: Float64Array;
  /** Cell of the pass rate `successes` / horizon, by successes. */
  readonly cellOfTotal: Uint8Array;
}

/** Returns the index of the record with `successes` in `trials`. */
export function recordIndex(successes: number, trials: number): number {
  return (trials * (trials + 1)) / 2 + successes;
}

/**
 * Computes the table backwards from the horizon: the mass of a record is the sum of the masses of its two
 * continuations.
 */
export function createOutcomeTable(
  cuts: readonly Cut[],
  horizon: number,
  shapes: readonly BetaShape[] = probingTuning.shapes,
): OutcomeTable {
  const cells = cuts.length + 1;
  const components = shapes.length + 2;
  const width = components * cells;
  const mass = new Float64Array(recordIndex(0, horizon + 1) * width);
  const cellOfTotal = Uint8Array.from({ length: horizon + 1 }, (_, total) => cellOf(cuts, total, horizon));
  fillLastRow(mass, cellOfTotal, cells, shapes);
  for (let trials = horizon - 1; trials >= 0; trials--) {
    for (let successes = 0; successes <= trials; successes++) {
      const here = recordIndex(successes, trials) * width;
      const failed = recordIndex(successes, trials + 1) * width;
      for (let i = 0; i < width; i++) mass[here + i] = mass[failed + i]! + mass[failed + width + i]!;
    }
  }
  return { horizon, cells, components, mass, cellOfTotal };
}

/**
 * Writes the joint probability of a record and each cell to `into`, for a population with the given shares; returns
 * the sum.
 */
export function cellMasses(
  { mass, cells, components }: OutcomeTable,
  shares: ArrayLike<number>,
  record: number,
  into: Float64Array,
): number {
  into.fill(0);
  let total = 0;
  let at = record * components * cells;
  for (let component = 0; component < components; component++) {
    for (let cell = 0; cell < cells; cell++, at++) {
      const part = shares[component]! * mass[at]!;
      into[cell]! += part;
      total += part;
    }
  }
  return total;
}

/** Returns the probability of a record under one component. */
export function componentMass(
  { mass, cells, components }: OutcomeTable,
  record: number,
  component: number,
): number {
  let total = 0;
  const at = (record * components + component) * cells;
  for (let cell = 0; cell < cells; cell++) total += mass[at + cell]!;
  return total;
}

function fillLastRow(
  mass: Float64Array,
  cellOfTotal: Uint8Array,
  cells: number,
  shapes: readonly BetaShape[],
): void {
  const horizon = cellOfTotal.length - 1;
  const components = shapes.length + 2;
  const put = (component: number, total: number, probability: number): void => {
    mass[(recordIndex(total, horizon) * components + component) * cells + cellOfTotal[total]!] = probability;
  };
  shapes.forEach(({ alpha, beta }, component) => {
    let probability = 1;
    for (let i = 0; i < horizon; i++) probability *= (beta + i) / (alpha + beta + i);
    for (let total = 0; total <= horizon; total++) {
      put(component, total, probability);
      probability *= (alpha + total) / (beta + horizon - total - 1);
    }
  });
  put(shapes.length, 0, 1);
  put(shapes.length + 1, horizon, 1);
}
