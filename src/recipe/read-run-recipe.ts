import { runLayout } from '../runs/files/layout.ts';
import { readRecipeFile } from '../runs/files/recipe-file.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { parseConfig } from './parse-config.ts';
import { type Recipe, recipeConfig } from './recipe.ts';

/** A run's recipe, with the data that shows whether the run was made on this machine. */
export interface RunRecipe {
  readonly recipe: Recipe;
  /** `RunSummary.id`. */
  readonly id: string;
  /** sha256 of the exact JSON from which `recipe` was parsed. */
  readonly hash: string;
}

/**
 * Reads the recipe of a run without executing any of it. Call `requireTrust` before opening its parts.
 * @throws RunError if the run is missing or its recipe was edited.
 */
export async function readRunRecipe(directory: string): Promise<RunRecipe> {
  using run = await openRunReader(directory);
  const { id, recipeHash } = run.summary();
  const { recipe, hash } = await readRecipeFile(runLayout(directory).recipe, recipeHash);
  return { recipe: parseConfig(recipeConfig, recipe, `${directory}: recipe`), id, hash };
}
