import type { Problem } from '../../../core/problem.ts';
import { type Prior, passRateIntervals, type Trials } from '../../../difficulty/pass-rates/trials.ts';
import type { LevelReport } from '../level-report.ts';
import { describeEffort, effortOf } from '../measuring-effort.ts';
import { describeConditions, type StoredMeasurement } from '../../stored-difficulty.ts';
import { type Bar, histogram, ranges } from './charts.ts';
import { type Finding, findProblems } from './findings.ts';
import { clipped, count, percent, table, text } from './html.ts';
import { style } from './style.ts';

/** Content of a difficulty report. */
export interface PageContent {
  /** Heading of the report. */
  readonly title: string;
  readonly measurements: readonly StoredMeasurement[];
  /** Absent if only the problems' ids are known. */
  readonly problems?: readonly Problem[];
  /** Level sizes, or the reason why they are missing. */
  readonly levels: LevelReport | { readonly missing: string };
  readonly prior: Prior;
  readonly confidence: number;
}

/** Maximum number of problems listed for one reason; the others are only counted. */
const listedAtMost = 50;

/**
 * Renders a difficulty report as one HTML file that opens from disk: no scripts, no requests; all text from problems
 * and models is escaped.
 */
export function difficultyPage(content: PageContent): string {
  const { title, measurements, problems, levels, prior, confidence } = content;
  const findings = findProblems(measurements, problems ?? [], { prior, confidence });
  const sections = [
    ...measurements.map((measurement, i) => measurementSection(measurement, i, content)),
    levelSection(levels),
    findingSection(findings, new Map(problems?.map((problem) => [problem.id, problem]))),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark"><title>${text(title)}</title><style>${style}</style></head>
<body><main><h1>${text(title)}</h1>
${sections.join('\n')}
</main></body></html>
`;
}

function measurementSection(
  { conditions, passRates, groups, spending, outdated }: StoredMeasurement,
  index: number,
  { problems, prior, confidence }: PageContent,
): string {
  const tried = [...passRates].filter(([, { trials }]) => trials > 0);
  const rates = tried.map(([, trials]) => trials);
  const intervalOf = passRateIntervals(prior, confidence);
  const widths = rates.map((trials) => intervalOf(trials).high - intervalOf(trials).low);
  const about = new Map(problems?.map((problem) => [problem.id, problem]));
  const kinds = [
    ['Domain', (problem: Problem) => problem.domain],
    ['Source', (problem: Problem) => problem.source],
    ['Family', (problem: Problem) => problem.family],
  ] as const;
  const tables = kinds.flatMap(([name, kindOf]) => {
    const byKind = Map.groupBy(tried, ([id]) => kindOf(about.get(id) ?? ({} as Problem)));
    const rows = [...byKind].filter(([kind]) => kind !== undefined);
    return rows.length === 0 ? [] : [kindTable(name, rows as [string, typeof tried][])];
  });
  return `<section aria-labelledby="m${index}"><h2 id="m${index}">Model ${text(conditions.model.slice(0, 40))}</h2>
<p class="conditions">${text(describeConditions(conditions))}</p>
<p class="conditions">${text(describeEffort(effortOf(groups, spending), outdated))}</p>
<h3>Pass rates</h3><p>${count(rates.length)} problems measured; rates of exactly 0 and 1 are counted separately.</p>
${histogram('Problems by pass rate', rateBars(rates))}
<h3>How well they are known</h3><p>Width of each problem's ${Math.round(100 * confidence)} % interval.</p>
${histogram('Problems by width of the interval', widthBars(widths))}
${tables.join('\n')}</section>`;
}

function rateBars(rates: readonly Trials[]): Bar[] {
  const counts = Array<number>(12).fill(0);
  for (const { successes, trials } of rates) {
    const inner = 1 + Math.min(9, Math.floor((10 * successes) / trials));
    counts[successes === 0 ? 0 : successes === trials ? 11 : inner]!++;
  }
  const labels = ['0', ...Array.from({ length: 10 }, (_, i) => (i < 9 ? `to .${i + 1}` : 'to 1')), '1'];
  return counts.map((value, i) => ({ label: labels[i]!, value }));
}

function widthBars(widths: readonly number[]): Bar[] {
  return Array.from({ length: 10 }, (_, i) => ({
    label: `to ${((i + 1) / 10).toFixed(1)}`,
    value: widths.filter((width) => Math.min(9, Math.floor(width * 10)) === i).length,
  }));
}

function kindTable(
  name: string,
  kinds: readonly (readonly [string, readonly (readonly [string, Trials])[]])[],
): string {
  const rows = kinds
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, members]) => {
      const rates = members.map(([, { successes, trials }]) => successes / trials);
      const share = (is: (rate: number) => boolean): string =>
        percent(rates.filter(is).length / rates.length);
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      const trials = members.reduce((sum, [, one]) => sum + one.trials, 0);
      return [
        text(clipped(kind, 80)),
        count(rates.length),
        mean.toFixed(3),
        share((rate) => rate === 0),
        share((rate) => rate > 0 && rate < 1),
        share((rate) => rate === 1),
        (trials / rates.length).toFixed(1),
      ];
    });
  const header = [name, 'problems', 'mean pass rate', 'never', 'sometimes', 'always', 'attempts each'];
  return table(`By ${name.toLowerCase()}`, header, rows);
}

function levelSection(levels: PageContent['levels']): string {
  const head = '<section aria-labelledby="levels"><h2 id="levels">Levels</h2>';
  if ('missing' in levels) return `${head}<p>${text(levels.missing)}</p></section>`;
  const { horizon, problems, unmeasured } = levels;
  const whole = (value: number): string => count(value);
  const rows = levels.levels.map(({ name, overall }) => [
    text(name),
    whole(overall.taken),
    whole(overall.certain),
    whole(overall.open),
    `${whole(overall.expected)} (${whole(overall.low)} … ${whole(overall.high)})`,
    `+${whole(overall.joining)}`,
    `−${whole(overall.leaving)}`,
  ]);
  const header = [
    'Level',
    'now',
    'certain',
    'open',
    `if tried ${horizon} times (95 %)`,
    'would join',
    'would leave',
  ];
  const shown = levels.levels.map(({ name, overall }) => ({ ...overall, label: name, now: overall.taken }));
  return `${head}<ul>${levels.levels.map(({ rule }) => `<li>${text(rule)}</li>`).join('')}</ul>
<p>${count(problems)} problems${unmeasured > 0 ? `, ${count(unmeasured)} of them not measured` : ''}. The tick shows how many problems are in a level now. The bar and the dot show how many would be in it if each problem had been tried ${horizon} times.</p>
${ranges('Sizes of levels', shown, problems)}
${table('Sizes of levels', header, rows)}</section>`;
}

function findingSection(findings: readonly Finding[], about: ReadonlyMap<string, Problem>): string {
  const parts = findings.map(({ reason, advice, problems }) => {
    const rows = problems
      .slice(0, listedAtMost)
      .map(({ id, why }) => [
        text(clipped(id, 80)),
        text(clipped(why)),
        text(clipped(questionOf(about.get(id)))),
      ]);
    const rest = problems.length - rows.length;
    return `<h3>${text(reason)}: ${count(problems.length)}</h3><p>${text(advice)}</p>
${table(reason, ['Problem', 'why', 'question'], rows)}${rest > 0 ? `<p>and ${count(rest)} more</p>` : ''}`;
  });
  return `<section aria-labelledby="look"><h2 id="look">Worth a look</h2>${parts.length === 0 ? '<p>Nothing stands out.</p>' : parts.join('\n')}</section>`;
}

const questionOf = (problem: Problem | undefined): string =>
  problem?.prompt.map(({ content }) => content).join('\n') ?? '';
