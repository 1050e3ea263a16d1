import { alignColumns } from '../../core/text/table.ts';
import { type LevelForecast, summariseOdds } from '../../difficulty/levels/level-forecast.ts';
import { levelOdds } from '../../difficulty/levels/level-odds.ts';
import { createLevels } from '../../difficulty/levels/levels.ts';
import type { LevelSubjects } from './level-subjects.ts';

/** Size of a level now, and its forecast. */
export interface LevelSize {
  readonly name: string;
  /** The level's rule as text, with its thresholds and the way in which pass rates are estimated. */
  readonly rule: string;
  readonly overall: LevelForecast;
  readonly byDomain: Readonly<Record<string, LevelForecast>>;
  readonly byFamily: Readonly<Record<string, LevelForecast>>;
}

/** The sizes of all levels. JSON-safe. */
export interface LevelReport {
  readonly problems: number;
  /** Number of problems without any attempt. */
  readonly unmeasured: number;
  /** Number of attempts per problem that the forecast assumes. */
  readonly horizon: number;
  readonly levels: readonly LevelSize[];
  /** The report as text for the terminal. */
  readonly text: string;
}

/** Computes the sizes of levels, overall and by kind of problem, now and after `horizon` attempts per problem. */
export function reportLevels(
  { levels: configs, prior, subjects }: LevelSubjects,
  horizon: number,
): LevelReport {
  const levels = createLevels(configs, prior);
  const taken = new Map(levels.names.map((name) => [name, new Set<number>()]));
  subjects.forEach((subject, i) => {
    for (const name of levels.of(subject)) taken.get(name)!.add(i);
  });
  const odds = levelOdds(configs, prior, subjects, horizon);
  const all = subjects.map((_, i) => i);
  const kinds = (kindOf: (subject: (typeof subjects)[number]) => string | undefined) =>
    Map.groupBy(all, (i) => kindOf(subjects[i]!));
  const [domains, families] = [kinds(({ domain }) => domain || undefined), kinds(({ family }) => family)];
  const rules = levels.describe();
  const sizes = levels.names.map((name, i): LevelSize => {
    const forecast = (some: readonly number[]): LevelForecast =>
      summariseOdds(odds, name, some, (subject) => taken.get(name)!.has(subject));
    const byKind = (groups: typeof domains): Record<string, LevelForecast> =>
      Object.fromEntries(
        Array.from(groups).flatMap(([kind, some]) => (kind === undefined ? [] : [[kind, forecast(some)]])),
      );
    return {
      name,
      rule: rules[i]!,
      overall: forecast(all),
      byDomain: byKind(domains),
      byFamily: byKind(families),
    };
  });
  const unmeasured = subjects.filter(({ passRates }) =>
    Object.values(passRates).every(({ trials }) => trials === 0),
  ).length;
  const report = { problems: subjects.length, unmeasured, horizon, levels: sizes };
  return { ...report, text: describeLevels(report) };
}

function describeLevels({ problems, unmeasured, horizon, levels }: Omit<LevelReport, 'text'>): string {
  const header = ['', 'now', 'certain', 'open', `at ${horizon}`, '95 % range', 'join', 'leave'];
  const rows = levels.flatMap(({ name, overall, byDomain, byFamily }) => [
    row(name, overall),
    ...Object.entries(byDomain).map(([domain, forecast]) => row(`  ${domain}`, forecast)),
    ...Object.entries(byFamily).map(([family, forecast]) => row(`    ${family}`, forecast)),
  ]);
  return [
    ...levels.map(({ rule }) => rule),
    '',
    alignColumns([header, ...rows], { figuresFrom: 1 }),
    '',
    `${problems} problems${unmeasured > 0 ? `, ${unmeasured} of them not measured` : ''}. now: in the level according to the current counts; certain: in it with a probability of at least 95 %;`,
    `open: with a probability of 5 to 95 %; at ${horizon}: expected number if each problem had ${horizon} attempts; join, leave: problems that would enter or leave by then.`,
  ].join('\n');
}

function row(
  name: string,
  { taken, certain, open, expected, low, high, joining, leaving }: LevelForecast,
): string[] {
  const whole = (value: number): string => String(Math.round(value));
  return [
    name,
    whole(taken),
    whole(certain),
    whole(open),
    whole(expected),
    `${whole(low)} … ${whole(high)}`,
    `+${whole(joining)}`,
    `−${whole(leaving)}`,
  ];
}
