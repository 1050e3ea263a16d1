import { ConfigError, DataError } from '../../core/errors.ts';
import { settingsHash, withoutSeed } from '../../runs/files/recipe-file.ts';
import { openRunReader } from '../../runs/reading/run-reader.ts';
import { recipeDifferences, type RecipeDifference } from '../../runs/reading/recipe-differences.ts';
import { type LearningCurve, readCurves } from '../learning-curve.ts';
import { type EvaluatedRun, readEvaluatedRun } from '../read-run.ts';

/** A run of a recipe with one seed. */
export interface SeedRun extends EvaluatedRun {
  /** All evaluations of each suite, with the cost of training up to each. */
  readonly curves: ReadonlyMap<string, LearningCurve>;
}

/** Two runs with the same seed, one from each side. */
export type SeedPair = readonly [before: SeedRun, after: SeedRun];

/** Reads the evaluations and learning curves of runs. */
export async function readSeedRuns(directories: readonly string[]): Promise<SeedRun[]> {
  const runs: SeedRun[] = [];
  for (const directory of directories) {
    const evaluated = await readEvaluatedRun(directory);
    using reader = await openRunReader(directory);
    runs.push({ ...evaluated, curves: readCurves(reader) });
  }
  return runs;
}

/** Returns the differences between two recipes, apart from seed and name. */
export function settingsBetween(one: EvaluatedRun, other: EvaluatedRun): RecipeDifference[] {
  return recipeDifferences(withoutSeed(one.recipe), withoutSeed(other.recipe));
}

/**
 * Splits runs by their two recipes; the first run's recipe is the baseline.
 *
 * @throws ConfigError unless the runs are of exactly two recipes.
 */
export function splitByRecipe(runs: readonly SeedRun[]): [before: SeedRun[], after: SeedRun[]] {
  const groups = [...Map.groupBy(runs, ({ recipe }) => settingsHash(recipe)).values()];
  const [before, after] = groups;
  if (before !== undefined && after !== undefined && groups.length === 2) return [before, after];
  const listed = groups.map((group) => group.map(nameOf).join(', ')).join('; ');
  throw new ConfigError(
    `expected runs of two recipes (regardless of seed and name), got ${groups.length}: ${listed}. ` +
      'Name the second side with --with',
    { tryNext: 'gradus runs compare <runs...> --with <runs...>' },
  );
}

/**
 * Pairs the runs of two sides by seed.
 *
 * @returns the pairs by seed, and a message for each run without a partner.
 * @throws ConfigError if a side mixes recipes or repeats a seed, or if a run is on both sides; DataError if fewer than
 * two seeds are on both sides.
 */
export function pairBySeed(
  before: readonly SeedRun[],
  after: readonly SeedRun[],
): { readonly pairs: readonly SeedPair[]; readonly warnings: readonly string[] } {
  for (const side of [before, after]) checkSide(side);
  const both = before.find(({ summary }) => after.some((run) => run.summary.id === summary.id));
  if (both !== undefined)
    throw new ConfigError(`expected each run on one side, got ${nameOf(both)} on both`, helpNext);
  const partners = new Map(after.map((run) => [run.summary.seed, run]));
  const pairs = before
    .flatMap((run): SeedPair[] => {
      const partner = partners.get(run.summary.seed);
      return partner === undefined ? [] : [[run, partner]];
    })
    .toSorted(([one], [two]) => one.summary.seed - two.summary.seed);
  if (pairs.length < 2) {
    throw new DataError(
      `expected at least two seeds on both sides, got ${pairs.length}: ${seedsOf(before)} before and ${seedsOf(after)} after. ` +
        'Train both recipes with the same seeds, or compare two runs problem by problem',
      helpNext,
    );
  }
  const paired = new Set(pairs.flat());
  const alone = [...before, ...after].filter((run) => !paired.has(run));
  return {
    pairs,
    warnings: alone.map(
      (run) => `${nameOf(run)} is omitted, because the other side has no run with seed ${run.summary.seed}`,
    ),
  };
}

const helpNext = { tryNext: 'gradus runs compare --help' };

function checkSide(side: readonly SeedRun[]): void {
  const bySeed = Map.groupBy(side, ({ summary }) => summary.seed);
  for (const [seed, runs] of bySeed) {
    if (runs.length === 1) continue;
    throw new ConfigError(
      `expected one run per seed on a side, got ${runs.map(nameOf).join(' and ')} with seed ${seed}`,
      helpNext,
    );
  }
  const [first] = side;
  for (const run of side) {
    const paths = settingsBetween(first!, run).map(({ path }) => path);
    if (paths.length === 0) continue;
    throw new ConfigError(
      `expected one recipe on a side, got ${nameOf(first!)} and ${nameOf(run)}, which differ in ${paths.slice(0, 5).join(', ')}` +
        `${paths.length > 5 ? ` and ${paths.length - 5} more fields` : ''}; only seed and name may differ`,
      helpNext,
    );
  }
}

const nameOf = ({ summary }: SeedRun): string => summary.directory;
const seedsOf = (side: readonly SeedRun[]): string =>
  `seeds ${side.map(({ summary }) => summary.seed).join(', ') || 'none'}`;
