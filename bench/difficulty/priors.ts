import { hashKey } from '../../src/core/rng.ts';
import { type Cut, equalBands, neverSometimesAlways } from '../../src/difficulty/probing/cut-points.ts';
import { createFeatureTable, type ProblemFeatures } from '../../src/difficulty/probing/feature-table.ts';
import { scoreByFeatures } from '../../src/difficulty/probing/feature-scores.ts';
import { likelihoodValues } from '../../src/difficulty/probing/likelihood.ts';
import { predictPassRates } from '../../src/difficulty/probing/predict.ts';
import { featuresOf, kindFeatures } from '../../src/difficulty/probing/problem-features.ts';
import { correlateFeatures } from '../../src/measuring/report/feature-report.ts';
import { tInterval } from '../../src/statistics/intervals.ts';
import { spearman } from '../../src/statistics/rank-correlation.ts';
import { gaussian } from './data.ts';
import { adaptive, fixed, rolloutsFor } from './methods.ts';
import { measureTinyPool, type TinyPool } from './tiny.ts';

/** Returns the features of a problem, for each prior; the first prior is adaptive probing without a likelihood. */
const priors: Readonly<Record<string, (pool: TinyPool, i: number, seed: number) => ProblemFeatures>> = {
  'kind (no likelihood)': ({ problems }, i) => ({ words: kindFeatures(problems[i]!), values: {} }),
  'kind + noise': ({ problems }, i, seed) => ({
    words: kindFeatures(problems[i]!),
    values: { first: gaussian(hashKey('noise', seed), i, 1), second: gaussian(hashKey('noise', seed), i, 2) },
  }),
  'kind + answer': (pool, i) => ({
    words: kindFeatures(pool.problems[i]!),
    values: valuesOf(pool, i, 'answer'),
  }),
  'kind + answer + solution': (pool, i) => ({
    words: kindFeatures(pool.problems[i]!),
    values: valuesOf(pool, i),
  }),
  'all text + answer + solution': (pool, i) => ({
    words: featuresOf(pool.problems[i]!),
    values: valuesOf(pool, i),
  }),
};

const questions: readonly (readonly [string, readonly Cut[]])[] = [
  ['never/sometimes/always', neverSometimesAlways],
  ['5 bands', equalBands(5)],
];
const ks = [16, 32];

/**
 * Compares priors on pools of gradus-tiny. Prints the rollouts needed to misplace as few problems as fixed k, divided
 * by those of adaptive probing without a likelihood, with t-intervals over pools; how well each statistic orders the
 * problems; and the coverage of the prediction intervals.
 */
export async function comparePriors(seeds: readonly number[]) {
  const perSeed: {
    seed: number;
    rows: Record<string, Record<string, number>>;
    statistics: object;
    predicted: object;
  }[] = [];
  for (const seed of seeds) {
    const pool = await measureTinyPool(seed);
    const rows: Record<string, Record<string, number>> = {};
    for (const [name, of] of Object.entries(priors)) rows[name] = costsOf(pool, name, of, seed);
    const statistics = statisticsOf(pool);
    const predicted = predictedOn(pool);
    perSeed.push({ seed, rows, statistics, predicted });
    console.log(
      `\ngradus-tiny, pool ${seed} (${pool.problems.length} problems, truth = ${pool.horizon} rollouts each)`,
    );
    console.table(rows);
    console.table(statistics);
    console.log('prediction from 100 problems with 8 rollouts each:', JSON.stringify(predicted));
  }
  const baseline = Object.keys(priors)[0]!;
  const ratios = Object.fromEntries(
    Object.keys(priors)
      .slice(1)
      .map((name) => [
        name,
        Object.fromEntries(
          questions.flatMap(([question]) =>
            ks.map((k) => {
              const key = `${question}, k = ${k}`;
              return [key, tInterval(perSeed.map(({ rows }) => rows[name]![key]! / rows[baseline]![key]!))];
            }),
          ),
        ),
      ]),
  );
  console.log(
    `\nrollouts as a share of those of "${baseline}", mean and 95 % t-interval over ${seeds.length} pools`,
  );
  console.table(
    Object.fromEntries(
      Object.entries(ratios).map(([name, found]) => [
        name,
        Object.fromEntries(
          Object.entries(found).map(([key, { mean, low, high }]) => [
            key,
            `${mean.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`,
          ]),
        ),
      ]),
    ),
  );
  return { seeds: perSeed, ratios };
}

function costsOf(
  pool: TinyPool,
  name: string,
  of: (typeof priors)[string],
  seed: number,
): Record<string, number> {
  const { problems, prefixes, horizon } = pool;
  const ids = problems.map(({ id }) => id);
  const features = createFeatureTable(problems.map((_, i) => of(pool, i, seed)));
  const population = { name, ids, horizon, features, prefixes };
  const first = Float64Array.from(prefixes, (prefix) => prefix[1]!);
  const truth = prefixes.map((prefix) => prefix[horizon]! / horizon);
  const costs: Record<string, number> = {
    'Spearman after one rollout': round(spearman(scoreByFeatures(ids, features, first), truth), 3),
  };
  for (const [question, cuts] of questions) {
    let coverage = 0;
    for (const k of ks) {
      const { error } = fixed(population, cuts, k);
      const points = adaptive(
        population,
        cuts,
        [1.4, 1.1, 0.9, 0.7].map((factor) => 1 - Math.min(0.6, error * factor)),
      );
      costs[`${question}, k = ${k}`] = round(rolloutsFor(points, error), 2);
      coverage += points.reduce((sum, point) => sum + point.coverage!, 0) / points.length / ks.length;
    }
    costs[`${question}, coverage`] = round(100 * coverage, 1);
  }
  return costs;
}

function statisticsOf({ problems, likelihoods, prefixes, horizon }: TinyPool) {
  const passRates = new Map(
    problems.map(({ id }, i) => [id, { successes: prefixes[i]![horizon]!, trials: horizon }]),
  );
  const found = correlateFeatures({ problems, likelihoods, passRates });
  return Object.fromEntries(
    found.map(({ name, problems: count, spearman: { mean, low, high } }) => [
      name,
      { problems: count, Spearman: round(mean, 3), low: round(low, 3), high: round(high, 3) },
    ]),
  );
}

/** Calibrates on 8 rollouts of every 15th problem, and checks the intervals on the others. */
function predictedOn(pool: TinyPool) {
  const { problems, prefixes, horizon } = pool;
  const isSeen = (i: number): boolean => i % 15 === 0;
  const passRates = new Map(
    problems.flatMap(({ id }, i) =>
      isSeen(i) ? [[id, { successes: prefixes[i]![8]!, trials: 8 }] as const] : [],
    ),
  );
  const known = problems.map((problem, i) => ({
    id: problem.id,
    words: kindFeatures(problem),
    values: valuesOf(pool, i),
  }));
  const { predictions, calibration } = predictPassRates(known, passRates);
  const others = predictions.flatMap(({ passRate }, i) =>
    isSeen(i) ? [] : [{ ...passRate!, rate: prefixes[i]![horizon]! / horizon }],
  );
  // The truth is 64 rollouts: a rate within half a rollout of an end counts as inside.
  const covered = others.filter(
    ({ low, high, rate }) => low - 0.5 / horizon <= rate && rate <= high + 0.5 / horizon,
  ).length;
  return {
    measured: calibration!.problems,
    stated: round(calibration!.spearman.mean, 3),
    Spearman: round(
      spearman(
        others.map(({ mean }) => mean),
        others.map(({ rate }) => rate),
      ),
      3,
    ),
    coverage: round(covered / others.length, 3),
  };
}

function valuesOf({ problems, likelihoods }: TinyPool, i: number, only?: 'answer'): Record<string, number> {
  const recorded = likelihoods.get(problems[i]!.id) ?? [];
  return likelihoodValues(recorded.filter(({ text }) => only === undefined || text === only));
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
