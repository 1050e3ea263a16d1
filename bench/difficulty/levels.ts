import { type Cut, equalBands, neverSometimesAlways } from '../../src/difficulty/probing/cut-points.ts';
import type { Population } from './data.ts';
import { limitOf } from './limit.ts';
import { adaptive, betaStopping, fixed, type Point, rolloutsFor, screened, screenOf } from './methods.ts';

/** Rollouts of each method at equal error, for one question on one population. */
export interface Comparison {
  readonly population: string;
  readonly question: string;
  /** Per k: the fixed method's error, and each method's rollouts per problem at that error (null: error never reached). */
  readonly rows: readonly {
    readonly k: number;
    readonly error: number;
    readonly [method: string]: number | null;
  }[];
  /** The adaptive runs behind the rows. */
  readonly runs: readonly Point[];
}

const questions: readonly (readonly [string, readonly Cut[]])[] = [
  ['never / sometimes / always', neverSometimesAlways],
  ['5 equal bands', equalBands(5)],
];

/** Compares all methods on a population, for both questions, and prints a table for each. */
export function compareMethods(population: Population): Comparison[] {
  const plain = { ...population, features: null };
  const groups = population.features !== null ? screenOf(population, neverSometimesAlways) : undefined;
  return questions.map(([question, cuts]) => {
    const ks = [8, 16, 32, 64, 96].filter((k) => k < population.horizon);
    const baselines = ks.map((k) => fixed(population, cuts, k));
    const confidences = sweep(baselines.at(0)!.error, baselines.at(-1)!.error);
    const withFeatures = groups === undefined ? [] : adaptive(population, cuts, confidences, groups);
    const without = adaptive(plain, cuts, confidences);
    const everyK = Array.from({ length: population.horizon - 4 }, (_, i) => i + 5);
    const methods: Record<string, readonly Point[]> = {
      'SPEED-RL': everyK.map((k) => screened(population, cuts, k)),
      Beta: [...confidences, 0.97, 0.98, 0.99, 0.999].map((confidence) =>
        betaStopping(population, cuts, confidence),
      ),
      adaptive: without,
      '+ features': withFeatures,
      limit: limitOf(population, cuts),
    };
    const rows = ks.map((k, i) => {
      const { error } = baselines[i]!;
      const rollouts = Object.entries(methods).map(
        ([name, points]) => [name, rolloutsFor(points, error)] as const,
      );
      return {
        k,
        error,
        ...Object.fromEntries(rollouts.map(([name, cost]) => [name, Number.isNaN(cost) ? null : cost])),
      };
    });
    const runs = groups === undefined ? without : withFeatures;
    const comparison = { population: population.name, question, rows, runs };
    print(comparison, population);
    return comparison;
  });
}

/** Returns confidences, spaced in equal ratios, whose errors bracket those of the fixed methods. */
function sweep(most: number, least: number): number[] {
  const steps = 8;
  const [from, to] = [Math.min(0.6, most * 1.3), least * 0.7];
  return Array.from({ length: steps }, (_, i) => 1 - from * (to / from) ** (i / (steps - 1)));
}

function print({ population, question, rows, runs }: Comparison, { ids, horizon }: Population): void {
  console.log(`\n${population}: ${question} (${ids.length} problems, truth = ${horizon} rollouts each)`);
  console.log('rollouts per problem at the error of fixed k, and as a share of k:');
  console.table(
    rows.map(({ k, error, ...costs }) => ({
      'fixed k': k,
      error: Number(error.toFixed(4)),
      ...Object.fromEntries(
        Object.entries(costs).map(([name, cost]) => [
          name,
          cost === null ? '–' : `${cost.toFixed(1)} (${(cost / k).toFixed(2)})`,
        ]),
      ),
    })),
  );
  const shown = runs.map(
    ({ rollouts, error, coverage, waves }) =>
      `${rollouts.toFixed(1)}: ${error.toFixed(3)}, ${((coverage ?? 0) * 100).toFixed(1)} % in ${waves} waves`,
  );
  console.log(`rollouts: error, coverage of 95 % intervals — ${shown.join(' | ')}`);
}
