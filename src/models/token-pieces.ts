import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openTokenTexts } from '../engines/model-files/tokenizer.ts';
import { readRunRecipe } from '../recipe/read-run-recipe.ts';
import { runLayout } from '../runs/files/layout.ts';
import { runModelFolder } from './locate-folder.ts';

type TokenTexts = Awaited<ReturnType<typeof openTokenTexts>>;

/**
 * Creates a function that decodes the tokens of a run for viewers, with the tokenizer of the run's exported model, else
 * of its base model. It returns undefined if neither tokenizer can be read, and reads each tokenizer only once.
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
  const { recipe } = await readRunRecipe(directory);
  return openTokenTexts(await runModelFolder(directory, recipe, { isOffline: true }));
}
