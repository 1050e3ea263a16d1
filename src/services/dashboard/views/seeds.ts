import * as z from 'zod';
import { GradusError } from '../../../core/errors.ts';
import type { RecipeDifference } from '../../../runs/reading/recipe-differences.ts';
import { sum } from '../../../statistics/summary.ts';
import { withRun } from '../run-folder.ts';
import type { Share } from './evaluations.ts';
import { type Series, thin } from './metric-series.ts';

const side = z.array(z.string()).min(1).max(20);

/** `GET /api/compare/seeds?before=…&before=…&after=…&after=…`: run folders, at most 20 per side. */
export const seedsQuery = z.strictObject({ before: side, after: side });

/** One value for each side. */
export interface BothSides<T> {
  readonly before: T;
  readonly after: T;
}

/** A quantity over the steps of the run with one seed. */
export interface SeedCurve extends Series {
  readonly seed: number;
}

/**
 * Median cost over seeds to reach the baseline's final accuracy; null if half of the seeds or more never reach it.
 */
export interface SpeedIn {
  readonly before: number;
  readonly after: number | null;
  readonly ratio: number | null;
}

/** Comparison of two recipes on the same problems, paired by seed. Intervals are 95 % t-intervals over seeds. */
export interface SeedsDifference {
  readonly problems: number;
  readonly before: Share;
  readonly after: Share;
  readonly difference: Share;
  /** The smallest true difference that these seeds, problems and rollouts detect with 80 % power. */
  readonly detectable: number;
  readonly speed?: {
    readonly seeds: number;
    readonly reached: number;
    readonly steps: SpeedIn;
    readonly rollouts: SpeedIn;
    readonly tokens: SpeedIn;
  };
}

/** The last evaluations of one suite in all runs of both sides. */
export interface SuiteSeeds {
  readonly suite: string;
  readonly rollouts: number;
  readonly steps: BothSides<readonly [least: number, greatest: number]>;
  readonly overall: SeedsDifference;
  readonly byDomain: Readonly<Record<string, SeedsDifference>>;
  /** Accuracy over steps, one curve per seed. */
  readonly curves: BothSides<readonly SeedCurve[]>;
  readonly warnings: readonly string[];
}

/** Differences between two recipes, each run with several seeds. */
export interface SeedsComparison {
  readonly seeds: readonly number[];
  readonly recipe: readonly RecipeDifference[];
  readonly suites: readonly SuiteSeeds[];
  readonly warnings: readonly string[];
}

/** `comparison` is null if the runs cannot be compared; `note` gives the reason. */
export interface SeedsView {
  readonly comparison: SeedsComparison | null;
  readonly note: string | null;
  /** Mean reward by span of steps; the spans are the same for all runs. */
  readonly rewards: BothSides<readonly SeedCurve[]>;
}

/** Compares two sides of run directories, paired by seed; throws a `GradusError` if they are not comparable. */
export type CompareSeeds = (before: readonly string[], after: readonly string[]) => Promise<SeedsComparison>;

/** Maximum number of points per curve. */
const points = 200;

/** Compares two recipes, each by several runs. Returns the rewards even if the runs share no suite. */
export async function seedsView(
  { before, after }: BothSides<readonly string[]>,
  compareSeeds: CompareSeeds,
): Promise<SeedsView> {
  const rewards = await rewardCurves(before, after);
  try {
    const { seeds, recipe, suites, warnings } = await compareSeeds(before, after);
    return {
      comparison: { seeds, recipe, suites: suites.map(thinned), warnings },
      note: null,
      rewards,
    };
  } catch (error) {
    if (!GradusError.isInstance(error)) throw error;
    return { comparison: null, note: error.message, rewards };
  }
}

function thinned(suite: SuiteSeeds): SuiteSeeds {
  const shown = ({ seed, steps, values }: SeedCurve): SeedCurve => ({
    seed,
    ...thin({ steps: Float64Array.from(steps), values: Float64Array.from(values) }, points),
  });
  const { before, after } = suite.curves;
  return { ...suite, curves: { before: before.map(shown), after: after.map(shown) } };
}

async function rewardCurves(
  before: readonly string[],
  after: readonly string[],
): Promise<SeedsView['rewards']> {
  const read = (directories: readonly string[]) =>
    Promise.all(
      directories.map((directory) =>
        withRun(directory, (run) => ({ seed: run.summary().seed, ...run.metric('reward/mean') })),
      ),
    );
  const [one, two] = [await read(before), await read(after)];
  const last = Math.max(1, ...[...one, ...two].map(({ steps }) => steps.at(-1) ?? 0));
  const span = Math.ceil(last / points);
  const averaged = ({ seed, steps, values }: (typeof one)[number]): SeedCurve => {
    const spans = Map.groupBy(steps.keys(), (index) => Math.ceil(steps[index]! / span));
    return {
      seed,
      steps: Array.from(spans.keys(), (number) => number * span),
      values: Array.from(
        spans.values(),
        (indices) => sum(indices.map((index) => values[index]!)) / indices.length,
      ),
    };
  };
  return { before: one.map(averaged), after: two.map(averaged) };
}
