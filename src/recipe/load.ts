import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse as parseToml } from 'smol-toml';
import { ConfigError, GradusError, messageOf } from '../core/errors.ts';
import { nearestKey } from './parse-config.ts';
import { applyOverrides } from './overrides.ts';
import { defineRecipe } from './define-recipe.ts';
import type { Recipe, RecipeInput } from './recipe.ts';

/**
 * Loads a recipe file (`.ts`, `.mts`, `.js`, `.mjs` with a default export, `.toml`, `.json`), applies `--set`
 * assignments and validates the result. Relative paths in the recipe resolve against the file's folder.
 *
 * @throws ConfigError naming the file if it is missing, has an unknown extension or is not a valid recipe.
 */
export async function loadRecipe(file: string, assignments: readonly string[] = []): Promise<Recipe> {
  const path = resolve(file);
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) {
    const nearest = await nearestFile(path);
    const hint = nearest === undefined ? '' : `; did you mean ${join(dirname(file), nearest)}?`;
    throw new ConfigError(`${file}: expected a recipe file, found nothing there${hint}`, {
      tryNext: 'gradus demo',
    });
  }
  const input = applyOverrides(await readRecipe(path, file), assignments) as RecipeInput;
  return defineRecipe({ baseDir: dirname(path), ...input });
}

/** Returns the name of the recipe-like file in the same folder with the most similar name, if one is similar. */
async function nearestFile(path: string): Promise<string | undefined> {
  const names = await readdir(dirname(path)).catch(() => []);
  const recipes = names.filter((name) => /\.(?:ts|mts|js|mjs|toml|json)$/u.test(name));
  return nearestKey(basename(path), recipes);
}

async function readRecipe(path: string, file: string): Promise<unknown> {
  const kind = extname(path);
  try {
    switch (kind) {
      case '.toml':
        return parseToml(await readFile(path, 'utf8'));
      case '.json':
        return JSON.parse(await readFile(path, 'utf8'));
      case '.ts':
      case '.mts':
      case '.js':
      case '.mjs':
        return await importDefault(path, file);
      default:
        throw new ConfigError(
          `${file}: expected a recipe as .ts, .mts, .js, .mjs, .toml or .json, got "${kind}"`,
        );
    }
  } catch (error) {
    if (GradusError.isInstance(error)) throw error;
    throw new ConfigError(`${file}${lineIn(path, error)} cannot be read as a recipe: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  const message = messageOf(error);
  // Node reports this message if the nearest package.json has "type": "commonjs".
  return message === 'Cannot use import statement outside a module'
    ? `${message}; rename it to .mts, or set "type": "module" in package.json`
    : message;
}

/**
 * Returns `:7` for an error on line 7 of the file, else ''. Reads the stack, because only the stack contains the line.
 */
function lineIn(path: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const place = [path, pathToFileURL(path).href].find((one) => stack.includes(`${one}:`));
  if (place === undefined) return '';
  return /^:\d+/.exec(stack.slice(stack.indexOf(`${place}:`) + place.length))?.[0] ?? '';
}

async function importDefault(path: string, file: string): Promise<unknown> {
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (module.default !== undefined) return module.default;
  throw new ConfigError(`${file}: expected "export default defineRecipe({ … })", found no default export`);
}
