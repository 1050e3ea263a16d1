import type { Command } from 'commander';
import { formatPlan } from '../../planning/format-plan.ts';
import { planRun } from '../../planning/plan-run.ts';
import { readPrices, withCost } from '../../planning/prices.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { buildParts } from '../../training/build.ts';
import { collect } from '../options.ts';
import { outputOf } from '../output.ts';

interface PlanFlags {
  readonly set: string[];
  readonly history: string;
  readonly prices?: string;
}

/** `gradus plan`: rollouts, tokens, time, memory and cost of a recipe before it is trained. */
export function addPlanCommand(program: Command): void {
  program
    .command('plan')
    .description('forecast the tokens, time, memory and cost of a recipe')
    .argument('<recipe>', 'recipe file: .ts, .mts, .js, .mjs, .toml or .json')
    .option('--set <path=value>', 'override one field of the recipe; repeatable', collect, [])
    .option('--history <folder>', 'folder of earlier runs, for lengths and speed', 'runs')
    .option('--prices <file>', 'TOML or JSON file with currency and perHour')
    .action(async (file: string, { set, history, prices }: PlanFlags, command: Command) => {
      const price = prices === undefined ? undefined : await readPrices(prices);
      await using parts = await buildParts(await loadRecipe(file, set));
      const planned = await planRun(parts, history);
      const plan = price === undefined ? planned : withCost(planned, price);
      outputOf(command).result(plan, formatPlan(plan));
    });
}
