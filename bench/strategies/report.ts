import { alignColumns } from '../../src/core/text/table.ts';
import { type Bin, bins } from '../../src/difficulty/bins.ts';
import type { StrategyReport } from '../../src/evaluation/strategies/strategy-report.ts';
import { percent, points, pointsInterval } from '../../src/evaluation/format.ts';
import { type Estimate, tInterval } from '../../src/statistics/intervals.ts';
import { mean } from '../../src/statistics/summary.ts';

/** A required comparison and its outcome over seeds. */
export interface Check {
  readonly says: string;
  readonly difference: Estimate;
  readonly holds: boolean;
}

const binsOrAll = ['all', ...bins] as const;
type Part = (typeof binsOrAll)[number];

/** Formats mean accuracies of all arms over seeds, by budget and bin. */
export function formatFigures(reports: readonly StrategyReport[]): string {
  const arms = reports[0]!.arms.map(({ name, budget, written, scored }) => ({
    name,
    budget,
    written,
    scored,
  }));
  const rows = arms
    .toSorted((a, b) => a.budget - b.budget)
    .map(({ name, budget }) => [
      name,
      String(budget),
      mean(reports.map((report) => armIn(report, name, budget).written)).toFixed(0),
      ...binsOrAll.map((part) =>
        percent(mean(reports.map((report) => accuracy(report, name, budget, part)))),
      ),
    ]);
  const oracle = Object.keys(reports[0]!.oracle).map((budget) => [
    'limit: a right answer among N',
    budget,
    '',
    percent(mean(reports.map((report) => report.oracle[Number(budget)]!))),
    '',
    '',
    '',
  ]);
  const header = ['strategy', 'N', 'written', ...binsOrAll];
  const chosen = reports[0]!.chosen.map(({ budget }, at) => {
    const over = tInterval(reports.map((report) => report.chosen[at]!.overFixed.mean));
    const value = percent(mean(reports.map((report) => report.chosen[at]!.accuracy.mean)));
    return `chosen by bin, N ${budget}: ${value}, ${points(over.mean)} (${pointsInterval(over)}) over the best single strategy`;
  });
  return [alignColumns([header, ...rows, ...oracle], { figuresFrom: 1 }), ...chosen].join('\n');
}

/** Checks the order of the strategies with the scorer of AUC 0.8, and the warning with 0.65. */
export function checksOf(reports: ReadonlyMap<number, readonly StrategyReport[]>, budget: number): Check[] {
  const good = reports.get(0.8) ?? [];
  const weak = reports.get(0.65) ?? [];
  const over = (a: string, b: string, part: Part): Estimate =>
    tInterval(good.map((one) => accuracy(one, a, budget, part) - accuracy(one, b, budget, part)));
  const checks: Check[] = [];
  if (good.length > 0) {
    const [vote, max] = ['best-of-n avg-vote', 'best-of-n avg-max'];
    const easy = over(vote, max, 'easy');
    checks.push({ says: `easy: ${vote} above ${max}`, difference: easy, holds: easy.low > 0 });
    const hard = over(max, vote, 'hard');
    checks.push({ says: `hard: ${max} above ${vote}`, difference: hard, holds: hard.low > 0 });
    const gain = over(max, 'majority', 'hard');
    checks.push({
      says: `hard: ${max} at least 20 points above majority`,
      difference: gain,
      holds: gain.mean >= 0.2 && gain.low > 0,
    });
    const place = good[0]!.chosen.findIndex((chosen) => chosen.budget === budget);
    const chosen = tInterval(good.map((report) => report.chosen[place]!.overFixed.mean));
    checks.push({
      says: 'chosen by bin not below the best single strategy, out of sample',
      difference: chosen,
      holds: chosen.high >= 0,
    });
  }
  if (weak.length > 0) {
    const share = tInterval(
      weak.map(({ warnings }) => +warnings.some((warning) => /exploit|prefers wrong/.test(warning))),
    );
    checks.push({ says: 'AUC 0.65: every seed warns', difference: share, holds: share.mean === 1 });
  }
  return checks;
}

/** Formats checks, one per line. */
export const formatChecks = (checks: readonly Check[]): string =>
  checks
    .map(
      ({ says, difference, holds }) =>
        `${holds ? 'ok  ' : 'FAIL'} ${says}: ${points(difference.mean)} (${pointsInterval(difference)})`,
    )
    .join('\n');

const armIn = ({ arms }: StrategyReport, name: string, budget: number) =>
  arms.find((arm) => arm.name === name && arm.budget === budget)!;

function accuracy(report: StrategyReport, name: string, budget: number, part: Part): number {
  const arm = armIn(report, name, budget);
  return part === 'all' ? arm.accuracy.mean : arm.byBin[part satisfies Bin]!.mean;
}
