import { bootstrapMean, type Estimate } from '../../statistics/intervals.ts';
import { alignColumns } from '../../core/text/table.ts';
import { renderHistogram } from '../../difficulty/pass-rates/histogram.ts';
import { simpleLevels } from '../../difficulty/levels/level-presets.ts';
import { createLevels, levelConfig } from '../../difficulty/levels/levels.ts';
import { defaultReading, readTrials } from '../../difficulty/probing/pass-rate.ts';
import { noTrials, type PassRates, type Trials } from '../../difficulty/pass-rates/trials.ts';
import type { Recipe } from '../../recipe/recipe.ts';

/** Fields of a problem that a report uses. */
export interface ReportedProblem {
  readonly id: string;
  readonly domain?: string;
  readonly family?: string;
}

/** Difficulty of a group of problems. The statistics are absent if no problem was measured. */
export interface GroupDifficulty {
  /** Problems with at least one judged attempt. */
  readonly problems: number;
  /** Mean pass rate with its 95 % bootstrap interval over problems. */
  readonly passRate?: Estimate;
  /** Share of problems with 0 < pass rate < 1, for which a group of attempts can give a learning signal. */
  readonly learnable?: number;
}

/** Difficulty for one model: overall, by kind of problem and by level. JSON-safe. */
export interface DifficultyReport {
  readonly overall: GroupDifficulty;
  readonly byDomain: Readonly<Record<string, GroupDifficulty>>;
  readonly byFamily: Readonly<Record<string, GroupDifficulty>>;
  readonly byLevel: Readonly<Record<string, GroupDifficulty>>;
  /** Text for the terminal: histogram, then level sizes. */
  readonly text: string;
}

/**
 * Summarises one model's pass rates. Uses the recipe's levels, or the simple levels if it has none.
 *
 * @param passRates trials by problem id.
 */
export function reportDifficulty(
  problems: readonly ReportedProblem[],
  passRates: PassRates,
  recipe?: Recipe,
): DifficultyReport {
  const settings = recipe?.difficulty ?? defaultReading;
  const levelsOf = levelSorter(settings, recipe);
  const read = readTrials(settings, passRates);
  const entries = problems
    .map(({ id, domain, family }) => {
      const trials = passRates.get(id) ?? noTrials;
      return { domain, family, trials, levels: levelsOf(id, domain, read.get(id) ?? noTrials) };
    })
    .toSorted((a, b) => compareText(a.domain, b.domain) || compareText(a.family, b.family));
  const byLevel = { ...emptyLevels(levelsOf.names), ...groupBy(entries, ({ levels }) => levels) };
  const rows = entries.map(({ domain, family, trials }) => {
    const kinds = [domain, family === undefined ? undefined : `  ${family}`];
    return { trials, groups: ['all', ...kinds.filter((kind) => kind !== undefined)] };
  });
  return {
    overall: difficultyOf(entries.map(({ trials }) => trials)),
    byDomain: groupBy(entries, ({ domain }) => [domain]),
    byFamily: groupBy(entries, ({ family }) => [family]),
    byLevel,
    text: `${renderHistogram(rows, settings)}\n\n${levelTable(byLevel, levelsOf.rules)}`,
  };
}

/** Returns a function that finds a problem's levels from its pass rate for the measured model alone. */
function levelSorter({ model, prior }: typeof defaultReading, recipe: Recipe | undefined) {
  const stated = recipe?.levels ?? [];
  const configs = stated.length > 0 ? stated : simpleLevels({ model }).map((one) => levelConfig.parse(one));
  const levels = createLevels(configs, prior);
  const levelsOf = (id: string, domain: string | undefined, trials: Trials): string[] =>
    trials.trials === 0 ? [] : levels.of({ id, domain: domain ?? '', passRates: { [model]: trials } });
  return Object.assign(levelsOf, { names: levels.names, rules: levels.describe() });
}

function groupBy<Entry extends { readonly trials: Trials }>(
  entries: readonly Entry[],
  namesOf: (entry: Entry) => readonly (string | undefined)[],
): Record<string, GroupDifficulty> {
  const named = entries.flatMap((entry) =>
    namesOf(entry).flatMap((name) => (name === undefined ? [] : [{ name, trials: entry.trials }])),
  );
  const groups = Map.groupBy(named, ({ name }) => name);
  return Object.fromEntries(
    Array.from(groups, ([name, group]) => [name, difficultyOf(group.map(({ trials }) => trials))]),
  );
}

function difficultyOf(all: readonly Trials[]): GroupDifficulty {
  const rates = all.filter(({ trials }) => trials > 0).map(({ successes, trials }) => successes / trials);
  if (rates.length === 0) return { problems: 0 };
  return {
    problems: rates.length,
    passRate: bootstrapMean(rates, { seed: 0, resamples: 2000 }),
    learnable: rates.filter((rate) => rate > 0 && rate < 1).length / rates.length,
  };
}

const emptyLevels = (names: readonly string[]): Record<string, GroupDifficulty> =>
  Object.fromEntries(names.map((name) => [name, { problems: 0 }]));

function levelTable(byLevel: Readonly<Record<string, GroupDifficulty>>, rules: readonly string[]): string {
  const rows = Object.values(byLevel).map(({ problems, passRate }, level) => [
    rules[level]!,
    String(problems),
    passRate === undefined ? '–' : passRate.mean.toFixed(2),
    passRate === undefined ? '–' : `${passRate.low.toFixed(2)} … ${passRate.high.toFixed(2)}`,
  ]);
  const header = ['level', 'problems', 'pass rate', '95 % interval'];
  return alignColumns([header, ...rows], { figuresFrom: 1 });
}

const compareText = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);
