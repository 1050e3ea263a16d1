import { hashKey, uniformAt } from '../../core/rng.ts';
import type { Cut } from '../probing/cut-points.ts';
import { cellMasses, createOutcomeTable, type OutcomeTable, recordIndex } from '../probing/outcome-table.ts';
import { fitMixture, type RecordCount } from '../probing/fit-mixture.ts';
import { noTrials, type Trials } from '../pass-rates/trials.ts';

/** The records of one model's trials, with the number of problems that have each record. */
export interface ObservedModel {
  readonly label: string;
  readonly table: OutcomeTable;
  readonly counts: readonly RecordCount[];
}

/** Maps trials to the possible cells, each with its probability and representative trials. */
export type CellsOf = (
  trials: Trials | undefined,
) => readonly { readonly probability: number; readonly standIn: Trials }[];

/** Counts the problems with each record of a model; scales records longer than the horizon down to it. */
export function observeModel(
  label: string,
  cuts: readonly Cut[],
  horizon: number,
  records: readonly Trials[],
): ObservedModel {
  const counts = new Map<number, RecordCount>();
  for (const { successes, trials } of records.map((one) => shortened(one, horizon))) {
    const index = recordIndex(successes, trials);
    const problems = (counts.get(index)?.problems ?? 0) + 1;
    counts.set(index, { successes, attempts: trials, problems });
  }
  return { label, table: createOutcomeTable(cuts, horizon), counts: [...counts.values()] };
}

/**
 * Fits the distribution of a model's pass rates, and returns a function from trials to the probability of each cell.
 * @param redraw if given, fits a resample of the pool instead (Bayesian bootstrap, Rubin 1981); the number identifies
 * the resample.
 */
export function learnModel({ table, counts }: ObservedModel, redraw?: number): CellsOf {
  const seen =
    redraw === undefined
      ? counts
      : counts.map((one, i) => ({ ...one, problems: gammaAt(one.problems, redraw, i) }));
  const shares = fitMixture(table, seen);
  const standIns = Array.from({ length: table.cells }, (_, cell) => standInFor(table, cell));
  const known = new Map<number, ReturnType<CellsOf>>();
  return (all = noTrials) => {
    const { successes, trials } = shortened(all, table.horizon);
    const record = recordIndex(successes, trials);
    const found = known.get(record) ?? cellsOfRecord(table, shares, record, standIns);
    known.set(record, found);
    return found;
  };
}

function cellsOfRecord(
  table: OutcomeTable,
  shares: Float64Array,
  record: number,
  standIns: readonly (Trials | undefined)[],
): ReturnType<CellsOf> {
  const cells = new Float64Array(table.cells);
  const total = cellMasses(table, shares, record, cells);
  return standIns.flatMap((standIn, cell) =>
    standIn === undefined || cells[cell] === 0 ? [] : [{ probability: cells[cell]! / total, standIn }],
  );
}

/** Returns trials with the middle pass rate of a cell; undefined if the cell contains no pass rate of the horizon. */
function standInFor({ cellOfTotal, horizon }: OutcomeTable, cell: number): Trials | undefined {
  const first = cellOfTotal.indexOf(cell);
  if (first === -1) return undefined;
  return { successes: (first + cellOfTotal.lastIndexOf(cell)) >> 1, trials: horizon };
}

function shortened({ successes, trials }: Trials, horizon: number): Trials {
  if (trials <= horizon) return { successes, trials };
  const scaled = Math.round((successes * horizon) / trials);
  // A mixed record stays mixed.
  const least = successes > 0 ? 1 : 0;
  const most = successes < trials ? horizon - 1 : horizon;
  return { successes: Math.min(most, Math.max(least, scaled)), trials: horizon };
}

/** Draws from Gamma(shape) for an integer shape: a sum of exponentials, or the normal approximation above 50. */
function gammaAt(shape: number, ...counters: readonly number[]): number {
  const uniform = (i: number): number => 1 - uniformAt(hashKey('redraw', ...counters), i);
  if (shape > 50) {
    const normal = Math.sqrt(-2 * Math.log(uniform(0))) * Math.cos(2 * Math.PI * uniform(1));
    return Math.max(0, shape + Math.sqrt(shape) * normal);
  }
  return Array.from({ length: shape }, (_, i) => -Math.log(uniform(i))).reduce((sum, part) => sum + part, 0);
}
