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
import { formatResult, plainHelp, reportTo } from './training-watch.ts';

interface TrainOptions {
  readonly set: string[];
  readonly runs: string;
  readonly dryRun?: boolean;
  readonly plain?: boolean;
}

/** `gradus train`: a recipe becomes a run. */
export function addTrainCommand(program: Command): void {
  program
    .command('train')
    .description('train a model by a recipe')
    .argument('<recipe>', 'recipe file: .ts, .toml or .json')
    .option('--set <path=value>', 'change one field of the recipe; may be repeated', collect, [])
    .option('--runs <folder>', 'where the run directory is made', 'runs')
    .option('--plain', plainHelp)
    .option('--dry-run', 'check everything, say what would happen, train nothing')
    .action(async (file: string, { set, runs, dryRun, plain }: TrainOptions, command: Command) => {
      const output = outputOf(command);
      const recipe = await loadRecipe(file, set);
      await (dryRun === true ? showPlan(recipe, output) : runRecipe(recipe, runs, output, plain));
    });
}

/** Trains and prints how it went. */
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
}

/** Builds every part and stops there: whatever is wrong with a recipe shows now. */
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
