import { quantile, sum } from '../../src/statistics/summary.ts';
import { speedOf } from './compare.ts';
import { expectedSpeed, rowBatch, speedToGoal, stepProgress } from './expected-speed.ts';
import type { Result } from './results.ts';
import type { Row } from './rows.ts';

/**
 * How the progress of a step follows from the signal of its cells, (K1) and (K2) of
 * docs/predictions/2026-11-30-regimes.md: all held-out cells together, or each with separate, diminishing returns.
 */
export type KindLaw = 'together' | 'separate';

type Cells = NonNullable<Result['cells']>;

/** A run whose cells are recorded. */
interface CellRun {
  readonly cells: Cells;
  readonly steps: number;
}

/**
 * Returns the speed expected from the signal in the cells that are held out, as `expectedSpeed` does from all live groups;
 * 1 without any signal.
 *
 * @param shares share of each cell in the held-out problems; other cells count as 0.
 * @param critical b_c in live groups.
 */
export function speedByKinds(
  law: KindLaw,
  uniform: CellRun,
  arm: CellRun,
  shares: ReadonlyMap<string, number>,
  critical: number,
): number {
  const all = Object.values(uniform.cells).flat();
  const live = sum(all.map(([, count]) => count));
  const usual = live === 0 ? 1 : sum(all.map(([, , signal]) => signal)) / live;
  const [slow, fast] = [uniform, arm].map((run) => totals(law, run, shares, usual, critical));
  return speedToGoal(slow!, fast!);
}

/** Returns the total progress after each sixth of the steps. */
function totals(
  law: KindLaw,
  { cells, steps }: CellRun,
  shares: ReadonlyMap<string, number>,
  usual: number,
  critical: number,
): number[] {
  const length = steps / 6;
  const heldOut = Object.entries(cells).filter(([cell]) => shares.has(cell));
  let total = 0;
  return Array.from({ length: 6 }, (_, i) => {
    const signals = heldOut.map(([cell, sixths]) => ({
      share: shares.get(cell)!,
      groups: sixths[i]![2] / usual / length,
    }));
    total +=
      length *
      (law === 'together'
        ? stepProgress(sum(signals.map(({ groups }) => groups)), critical)
        : sum(signals.map(({ share, groups }) => share * stepProgress(groups, critical))));
    return total;
  });
}

/** Returns the share of each cell, family/knob, in the held-out problems of a row: all cells have equally many. */
export function heldOutShares({ heldOut }: Row): Map<string, number> {
  const cells = heldOut.flatMap(({ families = [], knobs = [1, 2, 3, 4, 5, 6] }) =>
    families.flatMap((family) => knobs.map((knob) => `${family}/${knob}`)),
  );
  return new Map(cells.map((cell) => [cell, 1 / cells.length]));
}

/**
 * Formats, for every row in which runs of `auto` and uniform sampling have recorded cells, the median measured speed of
 * these seeds beside those expected by (W12), (K1) and (K2), and the share of live groups in held-out cells.
 */
export function formatKinds(rows: readonly Row[], results: readonly Result[]): string {
  const lines = rows.flatMap((row) => {
    const ofRow = results.filter((result) => result.row === row.id);
    const bases = ofRow.filter(({ arm }) => arm === 'uniform');
    const critical = rowBatch(bases.flatMap(({ gradient }) => gradient ?? []));
    const shares = heldOutShares(row);
    const seeds = ofRow.flatMap((run) => {
      const base = bases.find(({ seed }) => seed === run.seed);
      return run.arm === 'auto' && isDetailed(run) && base !== undefined && isDetailed(base)
        ? [{ run, base }]
        : [];
    });
    if (seeds.length === 0) return [];
    const median = (figure: (pair: (typeof seeds)[number]) => number): string =>
      quantile(seeds.map(figure), 0.5).toFixed(2);
    const cells = [
      row.id,
      median(({ run, base }) => speedOf(run.points, base.points, row.budget)),
      median(({ run, base }) => expectedSpeed(courseOf(base), courseOf(run), critical, 32)),
      median(({ run, base }) => speedByKinds('together', base, run, shares, critical)),
      median(({ run, base }) => speedByKinds('separate', base, run, shares, critical)),
      `${median(({ base }) => liveShareIn(base.cells, shares))} → ${median(({ run }) => liveShareIn(run.cells, shares))}`,
      seeds.length,
    ];
    return [`| ${cells.join(' | ')} |`];
  });
  return [
    '| row | speed | by step (W12) | held-out kinds (K1) | kinds apart (K2) | live groups of held-out kinds | seeds |',
    '|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

type Detailed = Result & {
  [Name in 'cells' | 'liveByStep' | 'contrastByStep']: NonNullable<Result[Name]>;
};

const isDetailed = (run: Result): run is Detailed =>
  run.cells !== undefined && run.liveByStep !== undefined && run.contrastByStep !== undefined;
const courseOf = ({ liveByStep: live, contrastByStep: contrast }: Detailed) => ({ live, contrast });

/** Returns the share of the live groups that are in held-out cells. */
function liveShareIn(cells: Cells, shares: ReadonlyMap<string, number>): number {
  const live = (entries: [string, Cells[string]][]): number =>
    sum(entries.flatMap(([, sixths]) => sixths.map(([, count]) => count)));
  const all = Object.entries(cells);
  return live(all.filter(([cell]) => shares.has(cell))) / Math.max(1, live(all));
}
