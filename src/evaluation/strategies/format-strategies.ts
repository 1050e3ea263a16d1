import { alignColumns } from '../../core/text/table.ts';
import { percent, points, pointsInterval } from '../format.ts';
import { bins } from '../../difficulty/bins.ts';
import type { ArmResult, StrategyReport } from './strategy-report.ts';

/**
 * Formats a comparison of strategies: accuracy, tokens and bins of the arms of each budget, best first, then the policy
 * by bin and warnings.
 *
 * @param most maximum number of arms per budget; `majority` is always listed.
 */
export function formatStrategies(report: StrategyReport, most = 8): string {
  const { scorer, chosen, oracle, single, warnings } = report;
  const sizes = bins.map((bin) => `${bin} ${report.bins[bin]}`).join(', ');
  const budgets = [...new Set(report.arms.map(({ budget }) => budget))].toSorted((a, b) => a - b);
  const rows = [
    [
      'strategy',
      'N',
      'written',
      'scored',
      'accuracy',
      '95 % interval',
      'over majority',
      ...bins.map((bin) => `${bin} · tokens`),
    ],
    ...budgets.flatMap((budget) => listed(report.arms, budget, most).map(armRow)),
  ];
  return [
    `strategies: ${report.problems.length} problems (${sizes})${scorer === undefined ? '' : `, scorer ${scorer}`}`,
    alignColumns(rows, { figuresFrom: 1 }),
    `limits: one answer ${percent(single)}; a right answer among N ${budgets.map((budget) => `${budget}: ${percent(oracle[budget])}`).join(', ')}`,
    ...chosen.map(
      ({ budget, accuracy, tokens, fixedTokens, overFixed, policies, fixed }) =>
        `chosen by bin, N ${budget}: ${percent(accuracy.mean)} with ${Math.round(tokens)} tokens, ` +
        `${points(overFixed.mean)} (${pointsInterval(overFixed)}) over the best single strategy with ${Math.round(fixedTokens)}; ` +
        policies
          .map(
            (policy, half) =>
              `${bins.map((bin) => `${bin}: ${policy[bin]}`).join(', ')} against ${fixed[half]!}`,
          )
          .join(' | '),
    ),
    ...warnings.map((warning) => `! ${warning}`),
  ].join('\n');
}

function listed(arms: readonly ArmResult[], budget: number, most: number): ArmResult[] {
  const some = arms
    .filter((arm) => arm.budget === budget)
    .toSorted((a, b) => b.accuracy.mean - a.accuracy.mean);
  return some.filter(({ choice }, place) => place < most || choice === 'majority');
}

const armRow = ({
  name,
  budget,
  written,
  scored,
  accuracy,
  overMajority,
  byBin,
  writtenByBin,
}: ArmResult): string[] => [
  name,
  String(budget),
  written.toFixed(0),
  scored.toFixed(0),
  percent(accuracy.mean),
  `${percent(accuracy.low)} … ${percent(accuracy.high)}`,
  overMajority === undefined ? '–' : `${points(overMajority.mean)} (${pointsInterval(overMajority)})`,
  ...bins.map((bin) =>
    byBin[bin] === undefined ? '–' : `${percent(byBin[bin].mean)} · ${writtenByBin[bin]!.toFixed(0)}`,
  ),
];
