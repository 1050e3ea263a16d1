import type { EvidenceClass } from './own-evidence.ts';

/** A raised cell is drawn at up to this multiple of its share of the problems. */
const mostBoost = 2;
/** The other cells keep at least this fraction of their share of the problems. */
const leastRest = 0.5;

interface Cell {
  readonly cell: number;
  /** From 0 to 1; undefined if the cell is not raised. */
  readonly boost: number | undefined;
  /** Share of the problems. */
  readonly share: number;
  /** Sum of the weights of its problems. */
  readonly total: number;
}

/**
 * Raises the weights of some cells until each is drawn at least in proportion to its share of the problems, times a
 * boost. The other cells keep their proportions, as do the problems within a cell.
 *
 * @param weights weight of a problem in each class.
 * @param classOf class of each problem.
 * @param boostOf boost of a cell, from 0 (its share of the problems) to 1 (twice that share, or the most that leaves
 * the other cells half of theirs); undefined for cells that are not raised.
 */
export function raiseToUniform(
  weights: Float64Array,
  classes: readonly EvidenceClass[],
  classOf: Uint32Array,
  boostOf: (cell: number) => number | undefined,
): Float64Array {
  if (classes.every(({ cell }) => boostOf(cell) === undefined)) return weights;
  const cells = cellsOf(weights, classes, classOf, boostOf);
  const factors = factorsOf(cells);
  return weights.map((weight, at) => weight * (factors.get(classes[at]!.cell) ?? 1));
}

/**
 * Returns the cells in the order of their numbers. Sums in the order of the pool, so that equal evidence gives
 * bit-identical totals.
 */
function cellsOf(
  weights: Float64Array,
  classes: readonly EvidenceClass[],
  classOf: Uint32Array,
  boostOf: (cell: number) => number | undefined,
): Cell[] {
  const totals: number[] = [];
  const sizes: number[] = [];
  for (let problem = 0; problem < classOf.length; problem++) {
    const at = classOf[problem]!;
    const { cell } = classes[at]!;
    totals[cell] = (totals[cell] ?? 0) + weights[at]!;
    sizes[cell] = (sizes[cell] ?? 0) + 1;
  }
  return totals.map((total, cell) => ({
    cell,
    boost: boostOf(cell),
    share: sizes[cell]! / classOf.length,
    total,
  }));
}

/** Returns the factor for the weights of each cell that would otherwise get less than its target. */
function factorsOf(cells: readonly Cell[]): Map<number, number> {
  const raisable = cells.filter(({ boost }) => boost !== undefined);
  const shared = raisable.reduce((sum, { share }) => sum + share, 0);
  const most = Math.min(mostBoost, (1 - leastRest * (1 - shared)) / shared);
  const targets = new Map<Cell, number>();
  let rest = { total: cells.reduce((sum, { total }) => sum + total, 0), share: 1 };
  // Raising a cell takes draws from the others, which may then have to be raised too.
  for (let before = -1; before < targets.size;) {
    before = targets.size;
    for (const one of raisable) {
      const target = (1 + one.boost! * (most - 1)) * one.share;
      if (targets.has(one) || one.total * rest.share >= target * rest.total) continue;
      targets.set(one, target);
      rest = { total: rest.total - one.total, share: rest.share - target };
    }
  }
  // If every cell is raised, the scale of the weights is arbitrary.
  const scale = targets.size === cells.length ? 1 : rest.total / rest.share;
  return new Map([...targets].map(([{ cell, total }, target]) => [cell, (target * scale) / total]));
}
