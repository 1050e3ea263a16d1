import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openTokenTexts } from '../engines/model-files/tokenizer.ts';
import { parseConfig } from '../recipe/explain.ts';
import { recipeConfig } from '../recipe/recipe.ts';
import { runLayout } from '../runs/files/layout.ts';
import { readRecipeFile } from '../runs/files/recipe-file.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { runModelFolder } from './locate-folder.ts';

type TokenTexts = Awaited<ReturnType<typeof openTokenTexts>>;

/**
 * What the tokens of runs read as, for viewers: by the tokenizer of a run's exported model, else of the model it began
 * with. Undefined where neither is at hand any more; each tokenizer is read once.
 */
export function tokenPieces() {
  const known = new Map<string, Promise<TokenTexts | undefined>>();
  return async (directory: string, tokens: readonly number[]): Promise<string[] | undefined> => {
    const texts = known.get(directory) ?? openOf(directory).catch(() => undefined);
    known.set(directory, texts);
    return (await texts)?.(tokens);
  };
}

async function openOf(directory: string): Promise<TokenTexts> {
  const layout = runLayout(directory);
  if (existsSync(join(layout.export, 'tokenizer.json'))) return openTokenTexts(layout.export);
  using run = await openRunReader(directory);
  const file = await readRecipeFile(layout.recipe, run.summary().recipeHash);
  const recipe = parseConfig(recipeConfig, file.recipe, `${directory}: recipe`);
  return openTokenTexts(await runModelFolder(directory, recipe, { isOffline: true }));
}
