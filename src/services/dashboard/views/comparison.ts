import * as z from 'zod';
import { GradusError } from '../../../core/errors.ts';
import { type RecipeDifference, recipeDifferences } from '../../../runs/reading/recipe-differences.ts';
import type { Share } from './evaluations.ts';
import { readRecipe } from './run-list.ts';

/** Results of two evaluations on the same problems, paired by problem. */
export interface PairedDifference {
  readonly problems: number;
  readonly before: number;
  readonly after: number;
  /** after − before, with its paired 95 % interval over problems. */
  readonly difference: Share;
  readonly greedyBefore?: number;
  readonly greedyAfter?: number;
}

/** The last evaluations of one suite in both runs. */
export interface SuiteComparison {
  readonly suite: string;
  readonly steps: readonly [before: number, after: number];
  readonly overall: PairedDifference;
  readonly byDomain: Readonly<Record<string, PairedDifference>>;
  readonly byFamily: Readonly<Record<string, PairedDifference>>;
  /** Reasons why the two evaluations may not be comparable. */
  readonly warnings: readonly string[];
}

/** `GET /api/compare?before=…&after=…`: two run folders. */
export const comparisonQuery = z.strictObject({ before: z.string(), after: z.string() });

/** Differences between two runs in their recipes and results. */
export interface RunComparisonView {
  readonly recipe: readonly RecipeDifference[];
  readonly suites: readonly SuiteComparison[];
  /** Why there are no suites to compare; null if there are some. */
  readonly note: string | null;
}

/** Compares the evaluations of two run directories; throws a `GradusError` if they are not comparable. */
export type CompareSuites = (
  before: string,
  after: string,
) => Promise<{ readonly suites: readonly SuiteComparison[] }>;

/** Compares two runs. Compares their recipes even if they share no suite. */
export async function comparisonView(
  before: string,
  after: string,
  compareSuites: CompareSuites,
): Promise<RunComparisonView> {
  const recipe = recipeDifferences(await readRecipe(before), await readRecipe(after));
  try {
    const { suites } = await compareSuites(before, after);
    return { recipe, suites, note: null };
  } catch (error) {
    const isKnown = GradusError.isInstance(error);
    const note = isKnown ? error.message : `cannot compare the evaluations: ${String(error)}`;
    return { recipe, suites: [], note };
  }
}
