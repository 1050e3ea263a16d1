import { RunError } from '../core/errors.ts';
import { runLayout } from '../runs/files/layout.ts';
import { isFromHere } from '../runs/files/origin.ts';
import { readRecipeFile } from '../runs/files/recipe-file.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { type Execution, executionOf } from './executes.ts';
import { parseConfig } from './explain.ts';
import { type Recipe, recipeConfig } from './recipe.ts';

/** The user's decision on runs made elsewhere. */
export interface TrustOptions {
  /** True: run what a run from elsewhere names. Default false. */
  readonly trust?: boolean | undefined;
}

/**
 * Reads the recipe of a run. Reading runs nothing of it; see {@link requireTrust} before opening its parts.
 * @throws RunError when there is no run, or its recipe was edited.
 */
export async function readRunRecipe(directory: string): Promise<Recipe> {
  using run = await openRunReader(directory);
  const { recipe } = await readRecipeFile(runLayout(directory).recipe, run.summary().recipeHash);
  return parseConfig(recipeConfig, recipe, `${directory}: recipe`);
}

/**
 * Refuses to run what a run from elsewhere names: engine commands, Python files, verifier modules.
 *
 * @param parts which parts are about to be opened.
 * @throws RunError (`RUN_NOT_TRUSTED`) that lists what would run.
 */
export async function requireTrust(
  directory: string,
  recipe: Pick<Recipe, 'policy' | 'verifiers'>,
  parts: readonly (keyof Execution)[],
  { trust = false }: TrustOptions = {},
): Promise<void> {
  const execution = executionOf(recipe);
  const lines = parts.flatMap((part) => execution[part]);
  if (trust || lines.length === 0) return;
  using run = await openRunReader(directory);
  const { id, recipeHash } = run.summary();
  if (await isFromHere(directory, id, recipeHash)) return;
  throw new RunError(
    `${directory}: this run was not made by you on this machine, and its recipe would run things you may not know:\n` +
      lines.map((line) => `  ${line}\n`).join('') +
      'Nothing was run. Read the recipe; if you trust it, add --trust',
    { code: 'RUN_NOT_TRUSTED', tryNext: `gradus runs show ${directory}` },
  );
}
