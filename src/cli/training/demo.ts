import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { formatSeconds } from '../../core/text/duration.ts';
import type { PairedDifference } from '../../evaluation/compare.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { describeBatches } from '../../recipe/batch-arithmetic.ts';
import { startTraining } from '../../training/start.ts';
import { readRunResult, type RunResult } from '../../training/summary.ts';
import { withInterrupt } from '../interrupt.ts';
import { collect, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';
import { formatResult, plainHelp, reportTo } from './training-watch.ts';

const recipeFile = fileURLToPath(new URL('../../../recipes/demo/recipe.ts', import.meta.url));

/** `gradus demo`: trains the bundled model on math and code, and evaluates it before and after training. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('train the small model that comes with Gradus, in minutes')
    .option('--seed <n>', 'seed of the run', wholeNumber(), 0)
    .option('--runs <folder>', 'folder to create the run directory in', 'runs')
    .option('--set <path=value>', 'override one field of the recipe; repeatable', collect, [])
    .option('--plain', plainHelp)
    .action(async ({ seed, runs, set, plain }: DemoOptions, command: Command) => {
      const output = outputOf(command);
      const started = performance.now();
      const recipe = await loadRecipe(recipeFile, [`seed=${seed}`, ...set]);
      output.say('Training a small model on math and code, with the same code that trains a 1.5B model.');
      for (const line of describeBatches(recipe)) output.say(line);
      const directory = await withInterrupt((signal) =>
        startTraining(recipe, runs, { signal, report: reportTo(output, { isPlain: plain }) }),
      );
      const result = await readRunResult(directory);
      const seconds = (performance.now() - started) / 1000;
      output.result(summarise(result, seconds), `${formatResult(result)}\n${formatSeconds(seconds)}`);
    });
}

interface DemoOptions {
  readonly seed: number;
  readonly runs: string;
  readonly set: string[];
  readonly plain?: boolean;
}

/** Builds the JSON result: held-out accuracy before and after, stages, tokens, seconds. */
function summarise({ run, stages, suites, tokens }: RunResult, seconds: number) {
  const { comparison } = suites.find(({ name }) => name === 'held-out')!;
  const domains = Object.entries(comparison?.byDomain ?? {}).map(
    ([name, change]) => [name, facts(change)] as const,
  );
  const heldOut = comparison === undefined ? null : facts(comparison.overall);
  return { heldOut, byDomain: Object.fromEntries(domains), stages, tokens, seconds, run };
}

const facts = ({ problems: _, ...change }: PairedDifference) => change;
