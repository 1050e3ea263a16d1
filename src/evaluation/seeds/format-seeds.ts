import { alignColumns } from '../../core/text/table.ts';
import type { Estimate } from '../../statistics/intervals.ts';
import type { SeedsComparison } from './compare-seeds.ts';
import { percent, points, pointsInterval } from '../format.ts';
import type { SeedsDifference } from './seeds-difference.ts';
import type { SuiteSeeds } from './seeds-suite.ts';
import type { SpeedIn } from '../speed.ts';

/** Formats a comparison of seeds for the terminal, without the recipes: accuracies by suite, then the speed. */
export function formatSeeds({ runs, seeds, suites, warnings }: SeedsComparison): string {
  const sides = [
    ['side', 'runs'],
    ['before', runs.before.join(' ')],
    ['after', runs.after.join(' ')],
  ];
  const doubts = warnings.map((warning) => `! ${warning}`);
  return [
    [alignColumns(sides), ...doubts].join('\n'),
    ...suites.map((suite) => formatSuite(suite, seeds)),
    'detectable: the smallest true change, in points, that this comparison finds with 80 % power',
  ].join('\n\n');
}

function formatSuite(suite: SuiteSeeds, seeds: readonly number[]): string {
  const parts = Object.entries(suite.byDomain);
  const rows: [string, SeedsDifference][] = [['all', suite.overall], ...(parts.length > 1 ? parts : [])];
  const { before, after } = suite.steps;
  const title =
    `${suite.suite}, ${suite.rollouts} rollouts per problem, seeds ${seeds.join(', ')}: ` +
    `after ${stepRange(before)} steps → after ${stepRange(after)} steps`;
  return [
    title,
    alignColumns(
      [
        ['', 'problems', 'before', 'after', 'change', '95 % interval', 'detectable'],
        ...rows.map(([name, one]) => accuracyRow(name, one)),
      ],
      { figuresFrom: 1 },
    ),
    ...speedTable(rows),
    ...suite.warnings.map((warning) => `! ${warning}`),
  ].join('\n');
}

function accuracyRow(name: string, one: SeedsDifference): string[] {
  return [
    name,
    String(one.problems),
    withInterval(one.before),
    withInterval(one.after),
    points(one.difference.mean),
    pointsInterval(one.difference),
    percent(one.detectable),
  ];
}

function speedTable(rows: readonly [string, SeedsDifference][]): string[] {
  const measured = rows.flatMap(([name, { speed }]) => (speed === undefined ? [] : [{ name, speed }]));
  if (measured.length === 0) return [];
  const header = ["to the end of 'before'", 'seeds', 'steps', 'rollouts', 'tokens'];
  const cells = measured.map(({ name, speed }) => [
    name,
    `${speed.reached} of ${speed.seeds}`,
    ...[speed.steps, speed.rollouts, speed.tokens].map(spent),
  ]);
  return ['', alignColumns([header, ...cells], { figuresFrom: 1 })];
}

/** Formats medians over seeds: `11520 → 6144 (1.9 ×)`. */
function spent({ before, after, ratio }: SpeedIn): string {
  if (after === null || ratio === null) return `${Math.round(before)} → never`;
  return `${Math.round(before)} → ${Math.round(after)} (${ratio.toFixed(2)} ×)`;
}

const withInterval = ({ mean, low, high }: Estimate): string =>
  `${percent(mean)} [${percent(low)}, ${percent(high)}]`;

const stepRange = ([least, greatest]: readonly [number, number]): string =>
  least === greatest ? String(least) : `${least}–${greatest}`;
