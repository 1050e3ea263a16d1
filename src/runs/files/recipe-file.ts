import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { RunError } from '../../core/errors.ts';

/** Content of `recipe.json`. */
export interface RecipeFile {
  /** sha256 of the recipe with sorted keys, independent of layout and key order. */
  readonly hash: string;
  /** The resolved recipe, including all defaults. */
  readonly recipe: unknown;
}

/** Builds the file content for a resolved, JSON-safe recipe. */
export function recipeFile(recipe: unknown): RecipeFile {
  // Hash the value after a round trip through JSON, because that is the value that is read back.
  const plain: unknown = JSON.parse(JSON.stringify(recipe));
  return { hash: hashJson(plain), recipe: plain };
}

/** Reads `recipe.json` and checks that it is unchanged since the run was created with `expectedHash`. */
export async function readRecipeFile(path: string, expectedHash: string): Promise<RecipeFile> {
  const file = parse(path, await readFile(path, 'utf8').catch((error: unknown) => missing(path, error)));
  const hash = hashJson(file.recipe);
  if (hash !== expectedHash || file.hash !== expectedHash) {
    throw new RunError(
      `${path}: expected the recipe the run was created with (sha256 ${expectedHash.slice(0, 12)}), got an edited one ` +
        `(${hash.slice(0, 12)}). A run keeps one recipe: undo the edit to resume, or start a new run with the new recipe`,
      { code: 'RUN_RECIPE_EDITED', tryNext: 'gradus train <recipe>' },
    );
  }
  return file;
}

function missing(path: string, cause: unknown): never {
  throw new RunError(
    `${path}: expected the run's recipe, found no readable file. Restore it from a copy or start a new run`,
    {
      code: 'RUN_CORRUPT',
      cause,
      tryNext: 'gradus runs list',
    },
  );
}

function parse(path: string, text: string): RecipeFile {
  try {
    const value = JSON.parse(text) as RecipeFile | null;
    if (typeof value === 'object' && value !== null && 'recipe' in value && typeof value.hash === 'string')
      return value;
  } catch {
    // Fall through to the error for JSON of the wrong shape.
  }
  throw new RunError(
    `${path}: expected {"hash", "recipe"} as written by gradus, got something else; undo the edit to resume`,
    {
      code: 'RUN_RECIPE_EDITED',
      tryNext: 'gradus train <recipe>',
    },
  );
}

/** Returns a resolved recipe without the fields that may differ between seeds of one recipe: seed, name and folder. */
export function withoutSeed(recipe: unknown): unknown {
  if (typeof recipe !== 'object' || recipe === null) return recipe;
  const { seed: _seed, name: _name, baseDir: _baseDir, ...settings } = recipe as Record<string, unknown>;
  return settings;
}

/** Returns the sha256 of a recipe regardless of seed, name and folder: equal for all seeds of one recipe. */
export const settingsHash = (recipe: unknown): string => hashJson(withoutSeed(recipe) ?? null);

function hashJson(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortKeys)).digest('hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
