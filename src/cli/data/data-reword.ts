import type { Command } from 'commander';
import { countOf } from '../../core/text/count.ts';
import { describeSpending } from '../../core/spending.ts';
import { engineNames, isServed } from '../../engines/config.ts';
import { publishedVerifiers } from '../../evaluation/published/published-suites.ts';
import { chooseEngine, locateModel } from '../../models/open-model.ts';
import { loadProblems } from '../../problems/load-problems.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { recipeConfig } from '../../recipe/recipe.ts';
import { rewordFile, type RewordReport } from '../../rewording/reword-file.ts';
import type { VerifierChoice } from '../../verifiers/open-verifiers.ts';
import { withInterrupt } from '../interrupt.ts';
import { addEngineOptions, type EngineFlags, realNumber, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';
import { problemFile } from './data-flags.ts';
import { addForceOption, type ForceFlag, requireFreeOutput, requireLinesEnding } from './out-file.ts';

interface RewordFlags extends EngineFlags, ForceFlag {
  readonly model: string;
  readonly out: string;
  readonly wordings: number;
  readonly attempts: number;
  readonly solve: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly recipe?: string;
}

/** `gradus data reword`: adds wordings that a model writes and that pass checks. */
export function addRewordCommand(data: Command): void {
  addForceOption(addEngineOptions(data.command('reword'), [...engineNames, 'openai']))
    .description('add other wordings of each problem, written by a model and checked')
    .argument('<file>', 'problems')
    .requiredOption('--model <model>', 'model folder or run; with the openai engine, the name on the server')
    .requiredOption('--out <file>', '.jsonl file to write')
    .option('--wordings <n>', 'wordings to add to each problem', wholeNumber(1), 3)
    .option(
      '--attempts <n>',
      'wordings to ask for per problem; the first that pass are kept',
      wholeNumber(1),
      6,
    )
    .option(
      '--solve <n>',
      'maximum attempts at solving a wording, one of which must be right; 0: no check',
      wholeNumber(),
      2,
    )
    .option('--max-tokens <n>', 'maximum tokens per answer', wholeNumber(1), 2048)
    .option('--temperature <t>', 'sampling temperature', realNumber(0), 1)
    .option('--seed <n>', 'sampling seed', wholeNumber(), 0)
    .option('--recipe <file>', 'recipe with the verifiers (default: those of the published suites)')
    .action(async (path: string, options: RewordFlags, command: Command) => {
      const { out, model, recipe, force: _, engine, set, ...settings } = options;
      requireLinesEnding('--out', out);
      requireFreeOutput('--out', out, [path], options);
      const output = outputOf(command);
      const problems = await loadProblems(problemFile(path), process.cwd());
      const named = { folder: model };
      const isOnServer = engine !== undefined && isServed(chooseEngine(named, { engine, set }));
      const source = isOnServer ? named : await locateModel(model);
      const report = await withInterrupt(async (signal) =>
        rewordFile({
          ...settings,
          problems,
          source,
          engine: chooseEngine(source, { engine, set }),
          verifiers: await verifiersOf(recipe),
          out,
          onProgress: (done, total) => output.progress('rewording', done, total),
          signal,
        }),
      );
      output.result(report, format(report));
    });
}

async function verifiersOf(recipe: string | undefined): Promise<VerifierChoice> {
  if (recipe !== undefined) return loadRecipe(recipe);
  return { verifiers: recipeConfig.shape.verifiers.parse(publishedVerifiers) };
}

function format({ problems, reworded, wordings, rejected, spending, out }: RewordReport): string {
  const reasons = Object.entries(rejected).filter(([, count]) => count > 0);
  return [
    `${countOf(wordings, 'wording')} for ${reworded} of ${countOf(problems, 'problem')} in ${out}`,
    ...(reasons.length === 0
      ? []
      : [`rejected: ${reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')}`]),
    ...(spending === undefined ? [] : [`spent in total: ${describeSpending(spending)}`]),
  ].join('\n');
}
