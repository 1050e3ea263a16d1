import type { Command } from 'commander';
import { ConfigError } from '../core/errors.ts';
import { alignColumns } from '../core/text/table.ts';
import { compareRuns, type RunComparison } from '../evaluation/compare-runs.ts';
import { compareSeeds } from '../evaluation/seeds/compare-seeds.ts';
import { findRuns } from '../evaluation/find-runs.ts';
import { formatSeeds } from '../evaluation/seeds/format-seeds.ts';
import { formatComparison } from '../evaluation/format.ts';
import type { RecipeDifference } from '../runs/reading/recipe-differences.ts';
import { outputOf } from './output.ts';

interface Flags {
  readonly with?: readonly string[];
  readonly suite?: string;
}

/** `gradus runs compare`: compares two runs problem by problem, or two recipes across several seeds. */
export function addCompareCommand(runs: Command): void {
  runs
    .command('compare')
    .description('compare two runs problem by problem, or two recipes across several seeds')
    .argument('<runs...>', 'run directories, names of runs, or quoted patterns; the baseline first')
    .option('--with <runs...>', 'runs to compare; the runs given as arguments are then the baseline')
    .option('--suite <name>', 'compare only this suite')
    .action(async (words: readonly string[], { suite, ...flags }: Flags, command: Command) => {
      const output = outputOf(command);
      const { before, after } = sidesOf(words, flags.with);
      if (before.length === 1 && after?.length === 1) {
        const comparison = await compareRuns(before[0]!, after[0]!, suite);
        const sides = { before: before[0]!, after: after[0]! };
        return output.result({ ...sides, ...comparison }, format(comparison, sides));
      }
      const comparison = await compareSeeds(before, after, suite);
      output.result(comparison, `${differences(comparison.recipe)}\n\n${formatSeeds(comparison)}`);
    });
}

/**
 * Returns the runs of both sides. Omits `after` if the command has one argument or more than two, e.g. because the
 * shell expanded a pattern; `compareSeeds` then splits the runs by recipe.
 */
function sidesOf(words: readonly string[], others?: readonly string[]) {
  if (others !== undefined) return { before: findRuns(words), after: findRuns(others) };
  if (words.length === 2) return { before: findRuns([words[0]!]), after: findRuns([words[1]!]) };
  const before = findRuns(words);
  if (before.length > 1) return { before };
  throw new ConfigError(`expected at least two runs to compare, got one: ${before.join()}`, {
    tryNext: 'gradus runs compare <before> <after>',
  });
}

function format(
  { recipe, suites }: RunComparison,
  { before, after }: { before: string; after: string },
): string {
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
