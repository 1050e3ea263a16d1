import type { Command } from 'commander';
import { loadRecipe } from '../recipe/load.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { describeBatches } from '../recipe/batch-arithmetic.ts';
import { buildParts } from '../training/build.ts';
import { startTraining } from '../training/start.ts';
import { readRunResult } from '../training/summary.ts';
import { withInterrupt } from './interrupt.ts';
import { collect } from './options.ts';
import { type Output, outputOf } from './output.ts';
import { formatResult, plainHelp, reportTo, requireHealthy } from './training-watch.ts';

interface TrainOptions {
  readonly set: string[];
  readonly runs: string;
  readonly dryRun?: boolean;
  readonly plain?: boolean;
}

/** `gradus train`: trains a recipe in a new run directory. */
export function addTrainCommand(program: Command): void {
  program
    .command('train')
    .description('train the model of a recipe, in a new run directory')
    .argument('<recipe>', 'recipe file: .ts, .mts, .js, .mjs, .toml or .json')
    .option('--set <path=value>', 'override one field of the recipe; repeatable', collect, [])
    .option('--runs <folder>', 'folder to create the run directory in', 'runs')
    .option('--plain', plainHelp)
    .option('--dry-run', 'check everything and print the plan; train nothing')
    .action(async (file: string, { set, runs, dryRun, plain }: TrainOptions, command: Command) => {
      const output = outputOf(command);
      const recipe = await loadRecipe(file, set);
      await (dryRun === true ? showPlan(recipe, output) : runRecipe(recipe, runs, output, plain));
    });
}

/** Trains the recipe and prints the result. */
async function runRecipe(recipe: Recipe, runs: string, output: Output, isPlain?: boolean): Promise<void> {
  for (const line of describeBatches(recipe)) output.say(line);
  const directory = await withInterrupt((signal) =>
    startTraining(recipe, runs, {
      signal,
      onDownload: output.progress,
      report: reportTo(output, { isPlain }),
    }),
  );
  const result = await readRunResult(directory);
  output.result(result, formatResult(result));
  requireHealthy(result);
}

/** Builds every part without training, which finds every error that a start would. */
async function showPlan(recipe: Recipe, output: Output): Promise<void> {
  await using parts = await buildParts(recipe);
  const { info } = parts.engine.sampler;
  const perDomain = [...Map.groupBy(parts.problems, ({ domain }) => domain)].map(
    ([name, all]) => `${all.length} ${name}`,
  );
  const lines = [
    `recipe "${recipe.name}" is valid`,
    `policy: ${info.model}, ${info.architecture}, ${info.parameters} parameters, on ${info.engine} (${info.device})`,
    `problems: ${perDomain.join(', ')}`,
    ...parts.suites.map(
      ({ config, problems }) => `suite ${config.name}: ${problems.length} problems × ${config.rollouts}`,
    ),
    ...parts.warnings.map((warning) => `! ${warning}`),
    ...parts.levels.describe().map((level) => `level ${level}`),
    ...describeBatches(recipe),
  ];
  output.result({ recipe, engine: info, problems: parts.problems.length }, lines.join('\n'));
}
