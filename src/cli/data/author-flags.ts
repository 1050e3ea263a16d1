import type { Command } from 'commander';
import type { AuthorFileOptions } from '../../authoring/author-file.ts';
import { engineNames, isServed } from '../../engines/config.ts';
import { publishedVerifiers } from '../../evaluation/published/published-suites.ts';
import { chooseEngine, locateModel } from '../../models/open-model.ts';
import { loadProblems } from '../../problems/load-problems.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { recipeConfig } from '../../recipe/recipe.ts';
import type { VerifierChoice } from '../../verifiers/open-verifiers.ts';
import { addEngineOptions, type EngineFlags, realNumber, wholeNumber } from '../options.ts';
import { problemFile } from './data-flags.ts';
import { addForceOption, type ForceFlag, requireFreeOutput, requireLinesEnding } from './out-file.ts';

/** Flags shared by the commands in which a model generates text for problems. */
export interface AuthorFlags extends EngineFlags, ForceFlag {
  readonly model: string;
  readonly out: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly recipe?: string;
}

/** Adds the options for model and output. */
export const addAuthorOptions = (command: Command): Command =>
  addForceOption(addEngineOptions(command, [...engineNames, 'openai']))
    .argument('<file>', 'problems')
    .requiredOption('--model <model>', 'model folder or run; with the openai engine, the name on the server')
    .requiredOption('--out <file>', '.jsonl file to write');

/** Adds the options for sampling and judging. */
export const addAuthorSampling = (command: Command): Command =>
  command
    .option('--max-tokens <n>', 'maximum tokens per answer', wholeNumber(1), 2048)
    .option('--temperature <t>', 'sampling temperature', realNumber(0), 1)
    .option('--seed <n>', 'sampling seed', wholeNumber(), 0)
    .option('--recipe <file>', 'recipe with the verifiers (default: those of the published suites)');

/** Splits flags into input, model and output, and the settings of the command. */
export async function authorOptions<Flags extends AuthorFlags>(path: string, flags: Flags) {
  const { out, model, recipe, force: _, engine, set, ...settings } = flags;
  requireLinesEnding('--out', out);
  requireFreeOutput('--out', out, [path], flags);
  const problems = await loadProblems(problemFile(path), process.cwd());
  const named = { folder: model };
  const isOnServer = engine !== undefined && isServed(chooseEngine(named, { engine, set }));
  const source = isOnServer ? named : await locateModel(model);
  const options: AuthorFileOptions = {
    problems,
    source,
    engine: chooseEngine(source, { engine, set }),
    verifiers: await verifiersOf(recipe),
    out,
  };
  return { options, settings };
}

/** Returns the verifiers of a recipe; without a recipe, those of the published suites. */
export async function verifiersOf(recipe: string | undefined): Promise<VerifierChoice> {
  if (recipe !== undefined) return loadRecipe(recipe);
  return { verifiers: recipeConfig.shape.verifiers.parse(publishedVerifiers) };
}

/** Formats the counts of rejections by reason as one line; returns no line without rejections. */
export function rejectionLines(rejected: Readonly<Record<string, number>>): string[] {
  const reasons = Object.entries(rejected).filter(([, count]) => count > 0);
  if (reasons.length === 0) return [];
  return [`rejected: ${reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')}`];
}
