import { DataError } from '../core/errors.ts';
import { type Comparison, comparePaired } from './compare.ts';
import { recipeDifferences, type RecipeDifference } from '../runs/reading/recipe-differences.ts';
import { readEvaluatedRun, suitesOf } from './read-run.ts';

/** Comparison of the last evaluation of a suite in each of two runs, problem by problem. */
export interface SuiteComparison extends Comparison {
  readonly suite: string;
  /** Steps after which each evaluation ran. */
  readonly steps: readonly [before: number, after: number];
}

/** Differences between two runs: in their recipes and in their results. */
export interface RunComparison {
  readonly recipe: readonly RecipeDifference[];
  readonly suites: readonly SuiteComparison[];
}

/**
 * Compares two runs by the last evaluations of the suites that they share; `before` is the baseline.
 *
 * @param only the suite to compare; default: all shared suites.
 * @throws DataError if the runs share no evaluated suite.
 */
export async function compareRuns(before: string, after: string, only?: string): Promise<RunComparison> {
  const first = await readEvaluatedRun(before);
  const other = await readEvaluatedRun(after);
  // If a run is compared with itself, even under a different path, use the same evaluation for both.
  const isSame = other.summary.id === first.summary.id && other.summary.step === first.summary.step;
  const second = isSame ? first : other;
  const shared = [...first.last].filter(([suite]) => second.last.has(suite) && (only ?? suite) === suite);
  if (shared.length === 0) {
    throw new DataError(
      `expected ${only === undefined ? 'a suite' : `the suite "${only}"`} evaluated in both runs, but ` +
        `${suitesOf(first)} and ${suitesOf(second)}`,
      { tryNext: `gradus eval ${after} --recipe <recipe>` },
    );
  }
  return {
    recipe: recipeDifferences(first.recipe, second.recipe),
    suites: shared.map(([suite, one]) => {
      const two = second.last.get(suite)!;
      return { suite, steps: [one.step, two.step], ...comparePaired(one.evaluation, two.evaluation) };
    }),
  };
}
