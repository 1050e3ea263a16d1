import { appendFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { ConfigError, RunError } from '../core/errors.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import { formatEvaluation } from '../evaluation/format.ts';
import { loadRecipe } from '../recipe/load.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { evaluateModel } from '../training/evaluate-model.ts';
import { locateModel, type ModelSource } from '../training/open-model.ts';
import { withInterrupt } from './interrupt.ts';
import { collect } from './options.ts';
import { type Output, outputOf } from './output.ts';

interface EvalOptions {
  readonly recipe?: string;
  readonly suite: readonly string[];
  readonly set: readonly string[];
  readonly out?: string;
}

/** `gradus eval`: how good a model is on a recipe's held-out suites. */
export function addEvalCommand(program: Command): void {
  program
    .command('eval')
    .description('measure a model on the suites of a recipe')
    .argument(
      '<model>',
      "model folder or run directory; with an openai engine in the recipe, the server's name of it",
    )
    .option('--recipe <file>', 'whose suites and verifiers; a run brings its own')
    .option('--suite <name>', 'only this suite; may be repeated', collect, [])
    .option('--set <path=value>', 'change one field of the recipe; may be repeated', collect, [])
    .option('--out <file>', 'also write the evaluations to a JSON file')
    .action(async (model: string, options: EvalOptions, command: Command) => {
      const output = outputOf(command);
      const { source, recipe } = await sourceFor(model, options);
      // Found out now rather than after the evaluation.
      if (options.out !== undefined) await writeTo(options.out, appendFile(options.out, ''));
      const evaluations = await withInterrupt((signal) =>
        evaluateModel(source, recipe, options.suite, { signal, ...watch(output) }),
      );
      if (options.out !== undefined) {
        await writeTo(options.out, writeFile(options.out, `${JSON.stringify(evaluations, null, 2)}\n`));
        output.say(`written to ${options.out}`);
      }
      output.result(evaluations, `evaluated: ${evaluations.map(({ suite }) => suite).join(', ')}`);
    });
}

/** Tables are printed as they come: a later suite may take long. */
const watch = (output: Output) => ({
  onProgress: (suite: string, done: number, total: number) => {
    output.progress(`evaluating ${suite}`, done, total);
  },
  onEvaluation: (evaluation: Evaluation) => {
    output.say(`${formatEvaluation(evaluation)}\n`);
  },
});

/** With a recipe whose engine is a model server, the model is the name that the server knows. */
async function sourceFor(
  model: string,
  options: EvalOptions,
): Promise<{ readonly source: ModelSource; readonly recipe: Recipe }> {
  const named = options.recipe === undefined ? undefined : await loadRecipe(options.recipe, options.set);
  if (named?.policy.engine.type === 'openai') return { source: { folder: model }, recipe: named };
  const source = await locateModel(model);
  return { source, recipe: named ?? recipeOf(model, source, options) };
}

function recipeOf(model: string, source: ModelSource, { set }: EvalOptions): Recipe {
  if (source.recipe === undefined) {
    throw new ConfigError(`${model}: a model folder says nothing of suites; name a recipe that does`, {
      tryNext: `gradus eval ${model} --recipe <recipe>`,
    });
  }
  if (set.length === 0) return source.recipe;
  throw new ConfigError("--set changes a recipe file; a run's own recipe stays as it was", {
    tryNext: `gradus eval ${model} --recipe <recipe> --set ${set[0]}`,
  });
}

async function writeTo(file: string, writing: Promise<void>): Promise<void> {
  await writing.catch((cause: unknown) => {
    throw new RunError(`--out ${file}: the evaluations cannot be written there (${String(cause)})`, {
      code: 'RUN_NOT_WRITABLE',
      cause,
      tryNext: `ls -ld ${file}`,
    });
  });
}
