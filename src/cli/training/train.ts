import type { Command } from 'commander';
import { loadRecipe } from '../../recipe/load.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { describeBatches } from '../../recipe/batch-arithmetic.ts';
import { startTraining } from '../../training/start.ts';
import { readRunResult } from '../../training/summary.ts';
import { withInterrupt } from '../interrupt.ts';
import { collect, wholeNumber } from '../options.ts';
import { type Output, outputOf } from '../output.ts';
import { showPlan } from './train-plan.ts';
import { formatResult, plainHelp, reportTo, requireHealthy } from './training-watch.ts';

/** Default number of problems of a probe, if the flag has no value. */
const probeProblems = 200;

interface TrainOptions {
  readonly set: string[];
  readonly runs: string;
  readonly dryRun?: boolean;
  readonly probe?: number | true;
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
    .option(
      '--probe [problems]',
      'with --dry-run: estimate what staging is worth from 8 attempts per problem (default: 200 problems)',
      wholeNumber(1),
    )
    .action(async (file: string, options: TrainOptions, command: Command) => {
      const { set, runs, dryRun, probe, plain } = options;
      if (probe !== undefined && dryRun !== true)
        command.error(
          'error: --probe needs --dry-run: a run measures what staging is worth in its first 20 steps',
        );
      const output = outputOf(command);
      const recipe = await loadRecipe(file, set);
      await (dryRun === true
        ? showPlan(recipe, output, { runs, probe: probe === true ? probeProblems : probe })
        : runRecipe(recipe, runs, output, plain));
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
