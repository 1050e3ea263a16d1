import type { Command } from 'commander';
import type { History } from '../../planning/history.ts';
import { formatPlan } from '../../planning/format-plan.ts';
import { planRun } from '../../planning/plan-run.ts';
import { readPrices, withCost } from '../../planning/prices.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { buildParts } from '../../training/build.ts';
import { measureSpeed } from '../../training/stage-entry/measure-speed.ts';
import type { TrainingParts } from '../../training/training-context.ts';
import { withInterrupt } from '../interrupt.ts';
import { collect } from '../options.ts';
import { type Output, outputOf } from '../output.ts';

interface PlanFlags {
  readonly set: string[];
  readonly history: string;
  readonly calibrate?: boolean;
  readonly prices?: string;
}

/** `gradus plan`: forecasts rollouts, tokens, time, memory and cost of a recipe before training. */
export function addPlanCommand(program: Command): void {
  program
    .command('plan')
    .description('forecast the tokens, time, memory and cost of a recipe')
    .argument('<recipe>', 'recipe file: .ts, .mts, .js, .mjs, .toml or .json')
    .option('--set <path=value>', 'override one field of the recipe; repeatable', collect, [])
    .option('--history <folder>', 'folder of earlier runs, for lengths and speed', 'runs')
    .option('--calibrate', 'measure lengths and speed now, by up to 6 training steps within half a minute')
    .option('--prices <file>', 'TOML or JSON file with currency and perHour')
    .action(async (file: string, { set, history, calibrate, prices }: PlanFlags, command: Command) => {
      const output = outputOf(command);
      const price = prices === undefined ? undefined : await readPrices(prices);
      await using parts = await buildParts(await loadRecipe(file, set));
      const earlier = calibrate === true ? await calibrated(parts, output) : history;
      const planned = await planRun(parts, earlier);
      const plan = price === undefined ? planned : withCost(planned, price);
      output.result(plan, formatPlan(plan));
    });
}

const calibrated = (parts: TrainingParts, output: Output): Promise<History> =>
  withInterrupt((signal) =>
    measureSpeed(parts, {
      signal,
      onProgress: (done, total) => output.progress('measuring speed', done, total),
    }),
  );
