import type { Command } from 'commander';
import { alignColumns } from '../core/table.ts';
import { formatComparison } from '../evaluation/format.ts';
import type { RecipeDifference } from '../runs/reading/recipe-differences.ts';
import { compareRuns, type RunComparison } from '../evaluation/compare-runs.ts';
import { outputOf } from './output.ts';

/** `gradus runs compare`: compares two runs problem by problem, with intervals. */
export function addCompareCommand(runs: Command): void {
  runs
    .command('compare')
    .description('compare the recipes of two runs, and their last evaluations of shared suites')
    .argument('<before>', 'run directory of the baseline')
    .argument('<after>', 'run directory')
    .option('--suite <name>', 'compare only this suite')
    .action(async (before: string, after: string, options: { suite?: string }, command: Command) => {
      const comparison = await compareRuns(before, after, options.suite);
      outputOf(command).result({ before, after, ...comparison }, format(comparison, before, after));
    });
}

function format({ recipe, suites }: RunComparison, before: string, after: string): string {
  const tables = suites.map(({ suite, steps, ...comparison }) => {
    const title = `${suite}, ${before} after ${steps[0]} steps → ${after} after ${steps[1]} steps`;
    return `${title}\n${formatComparison(comparison)}`;
  });
  return [differences(recipe), ...tables].join('\n\n');
}

function differences(recipe: readonly RecipeDifference[]): string {
  if (recipe.length === 0) return 'the recipes are the same';
  const rows = recipe.map((one) => [one.path, shown(one.before), shown(one.after)]);
  return alignColumns([['recipe', 'before', 'after'], ...rows]);
}

/** Formats a recipe value, truncated to 50 characters. */
function shown(value: unknown): string {
  const text = value === undefined ? '–' : JSON.stringify(value);
  return text.length > 50 ? `${text.slice(0, 49)}…` : text;
}
