import { DataError } from '../core/errors.ts';
import { type Comparison, comparePaired } from './compare.ts';
import type { Evaluation } from './evaluate.ts';
import { recipeDifferences, type RecipeDifference } from '../runs/reading/recipe-differences.ts';
import { runLayout } from '../runs/files/layout.ts';
import { readRecipeFile } from '../runs/files/recipe-file.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';

/** The last evaluation of a suite in each of two runs, problem by problem. */
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
 * Compares two runs by the last evaluations of the suites they share; `before` is the baseline.
 *
 * @param only the suite to compare; default: all shared suites.
 * @throws DataError when they share no evaluated suite.
 */
export async function compareRuns(before: string, after: string, only?: string): Promise<RunComparison> {
  const [first, second] = [await readRun(before), await readRun(after)];
  const shared = [...first.last].filter(([suite]) => second.last.has(suite) && (only ?? suite) === suite);
  if (shared.length === 0) {
    const has = (run: string, { last }: ReadRun): string =>
      `${run} has ${[...last.keys()].join(', ') || 'none'}`;
    throw new DataError(
      `expected ${only === undefined ? 'a suite' : `the suite "${only}"`} evaluated in both runs, but ` +
        `${has(before, first)} and ${has(after, second)}`,
      { tryNext: `gradus eval ${after} --recipe <recipe>` },
    );
  }
  return {
    recipe: recipeDifferences(first.recipe, second.recipe),
    suites: shared.map(([suite, one]) => {
      const other = second.last.get(suite)!;
      return { suite, steps: [one.step, other.step], ...comparePaired(one.evaluation, other.evaluation) };
    }),
  };
}

interface ReadRun {
  readonly recipe: unknown;
  /** Maps each suite to its last evaluation. */
  readonly last: ReadonlyMap<string, { readonly step: number; readonly evaluation: Evaluation }>;
}

async function readRun(directory: string): Promise<ReadRun> {
  using reader = await openRunReader(directory);
  const { recipe } = await readRecipeFile(runLayout(directory).recipe, reader.summary().recipeHash);
  const last = new Map(
    reader
      .evaluations()
      .map(({ name, step, result }) => [name, { step, evaluation: result as Evaluation }] as const),
  );
  return { recipe, last };
}
