import { runLayout } from '../runs/files/layout.ts';
import { readRecipeFile } from '../runs/files/recipe-file.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import type { RunSummary } from '../runs/reading/run-rows.ts';
import type { Evaluation } from './evaluate.ts';

/** An evaluation and the step after which it ran. */
export interface DatedEvaluation {
  readonly step: number;
  readonly evaluation: Evaluation;
}

/** A run's recipe and evaluations. */
export interface EvaluatedRun {
  readonly summary: RunSummary;
  /** The resolved recipe. */
  readonly recipe: unknown;
  /** The last evaluation of each suite. */
  readonly last: ReadonlyMap<string, DatedEvaluation>;
}

/** Reads the data that comparisons of runs need. */
export async function readEvaluatedRun(directory: string): Promise<EvaluatedRun> {
  using reader = await openRunReader(directory);
  const summary = reader.summary();
  const { recipe } = await readRecipeFile(runLayout(directory).recipe, summary.recipeHash);
  // A result contains an entry per problem, so only the last results are parsed.
  const rows = reader.lists(
    `SELECT name, step, result FROM evaluations
     WHERE id IN (SELECT max(id) FROM evaluations GROUP BY name) ORDER BY id`,
  ) as [string, number, string][];
  const last = new Map(
    rows.map(([name, step, result]) => [name, { step, evaluation: JSON.parse(result) as Evaluation }]),
  );
  return { summary, recipe, last };
}

/** Formats the suites of a run for an error message. */
export const suitesOf = ({ summary, last }: EvaluatedRun): string =>
  `${summary.directory} has ${[...last.keys()].join(', ') || 'none'}`;
