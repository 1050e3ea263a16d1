import { runLayout } from '../runs/files/layout.ts';
import { readRecipeFile } from '../runs/files/recipe-file.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { parseConfig } from './parse-config.ts';
import { type Recipe, recipeConfig } from './recipe.ts';

/**
 * Reads the recipe of a run without executing any of it. Call `requireTrust` before opening its parts.
 * @throws RunError when the run is missing or its recipe was edited.
 */
export async function readRunRecipe(directory: string): Promise<Recipe> {
  using run = await openRunReader(directory);
  const { recipe } = await readRecipeFile(runLayout(directory).recipe, run.summary().recipeHash);
  return parseConfig(recipeConfig, recipe, `${directory}: recipe`);
}
