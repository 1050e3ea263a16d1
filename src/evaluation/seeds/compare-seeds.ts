import { DataError } from '../../core/errors.ts';
import type { RecipeDifference } from '../../runs/reading/recipe-differences.ts';
import { suitesOf } from '../read-run.ts';
import { pairBySeed, readSeedRuns, settingsBetween, splitByRecipe } from './seed-side.ts';
import { type BothSides, compareSuite, type SuiteSeeds } from './seeds-suite.ts';

/** Differences between two recipes, each run with several seeds. */
export interface SeedsComparison {
  /** Run directories, in the order of `seeds`. */
  readonly runs: BothSides<readonly string[]>;
  readonly seeds: readonly number[];
  readonly recipe: readonly RecipeDifference[];
  readonly suites: readonly SuiteSeeds[];
  /** Messages about runs that were omitted or are not finished. */
  readonly warnings: readonly string[];
}

/**
 * Compares two recipes, each run with several seeds, by the last evaluations of the suites that all runs share.
 *
 * @param before directories of the baseline's runs. Without `after`, runs of both recipes, of which the first run's
 * recipe is the baseline.
 * @param only the suite to compare; default: all shared suites.
 * @throws ConfigError unless the runs are of two recipes and each side's seeds are distinct; DataError if fewer than
 * two seeds are on both sides, or if the runs share no suite or no judged problem.
 */
export async function compareSeeds(
  before: readonly string[],
  after?: readonly string[],
  only?: string,
): Promise<SeedsComparison> {
  const first = await readSeedRuns(before);
  const [baseline, others] = after === undefined ? splitByRecipe(first) : [first, await readSeedRuns(after)];
  const { pairs, warnings } = pairBySeed(baseline, others);
  const runs = pairs.flat();
  const suites = [...runs[0]!.last.keys()].filter(
    (suite) => (only ?? suite) === suite && runs.every(({ last }) => last.has(suite)),
  );
  if (suites.length === 0) {
    throw new DataError(
      `expected ${only === undefined ? 'a suite' : `the suite "${only}"`} evaluated in all runs, but ` +
        runs.map(suitesOf).join(', '),
      { tryNext: 'gradus eval <run> --recipe <recipe>' },
    );
  }
  const unfinished = runs.filter(({ summary }) => summary.status !== 'finished');
  return {
    runs: {
      before: pairs.map(([run]) => run.summary.directory),
      after: pairs.map(([, run]) => run.summary.directory),
    },
    seeds: pairs.map(([run]) => run.summary.seed),
    recipe: settingsBetween(...pairs[0]!),
    suites: suites.map((suite) => compareSuite(pairs, suite)),
    warnings: [
      ...warnings,
      ...unfinished.map(({ summary }) => `${summary.directory} is ${summary.status} at step ${summary.step}`),
    ],
  };
}
