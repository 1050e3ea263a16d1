/**
 * What does a curriculum buy? Trains the demo's model by several recipes with several seeds, evaluates all of them on the
 * same held-out problems along the way, and compares them at equal rollouts and at equal tokens, measuring included.
 *
 *   npm run bench:curriculum -- [--seeds 5] [--every 20] [--arms staged,uniform,easy,medium,hard] [--set path=value]
 *
 * An accuracy is the mean of the last three evaluations up to a budget, never the best; intervals are 95 % bootstrap
 * intervals over seeds of the difference to `uniform` with the same seed. The last line is JSON.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bootstrapMean, type Estimate } from '../src/core/statistics-intervals.ts';
import { mean } from '../src/core/statistics.ts';
import { openPassRateStore } from '../src/difficulty/sqlite-store.ts';
import type { Evaluation } from '../src/evaluation/evaluate.ts';
import { loadRecipe } from '../src/recipe/load.ts';
import { openRunReader } from '../src/runs/run-reader.ts';
import { startTraining } from '../src/training/start.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    every: { type: 'string', default: '20' },
    arms: { type: 'string', default: 'staged,uniform,easy,medium,hard' },
    runs: { type: 'string', default: 'runs/bench-curriculum' },
    set: { type: 'string', multiple: true, default: [] },
  },
});

const recipeOf = (arm: string): [file: string, assignments: string[]] => {
  if (arm === 'staged') return ['recipes/demo/recipe.ts', []];
  if (arm === 'uniform') return ['recipes/uniform/recipe.ts', []];
  return ['recipes/level-ablation/recipe.ts', [`stages[0].select=${arm}`]];
};

/** A held-out accuracy and what had been spent when it was measured. */
interface Point {
  readonly step: number;
  readonly rollouts: number;
  readonly tokens: number;
  readonly accuracy: number;
}

/** One run's accuracies, in order. */
interface Curve {
  readonly arm: string;
  readonly seed: number;
  readonly points: readonly Point[];
}

async function runArm(arm: string, seed: number): Promise<Curve> {
  const [file, assignments] = recipeOf(arm);
  const common = [
    `seed=${seed}`,
    `name=${arm}`,
    'evaluation[0].rollouts=2',
    'evaluation[0].greedy=false',
    `evaluation[0].every=${options.every}`,
    ...options.set,
  ];
  const recipe = await loadRecipe(file, [...assignments, ...common]);
  const directory = await startTraining(recipe, options.runs);
  const points = await readPoints(directory);
  const last = points.at(-1)!;
  console.log(
    `${arm} seed ${seed}: ${percent(last.accuracy)} % after ${last.rollouts} rollouts, ${last.tokens} tokens`,
  );
  return { arm, seed, points };
}

async function readPoints(directory: string): Promise<Point[]> {
  using run = await openRunReader(directory);
  const { steps, values: counts } = run.metric('rollout/count');
  const { values: lengths } = run.metric('rollout/tokens');
  // Measuring writes completions like training does; their tokens are counted at the first steps' mean length.
  const meanLength = mean(lengths.subarray(0, 10)) / mean(counts.subarray(0, 10));
  const measured = countMeasured(directory);
  const stageStarts = run.events().filter(({ type }) => type === 'stage-start');
  const spentBy = (series: Float64Array, step: number): number =>
    series.reduce((sum, value, i) => (steps[i]! <= step ? sum + value : sum), 0);
  return run.evaluations().map(({ step, result }) => {
    const stagesBegun = stageStarts.filter(
      (event) => event.step < step || (step > 0 && event.step === 0),
    ).length;
    const probes = measured.slice(0, stagesBegun).reduce((sum, count) => sum + count, 0);
    return {
      step,
      rollouts: spentBy(counts, step) + probes,
      tokens: Math.round(spentBy(lengths, step) + probes * meanLength),
      accuracy: (result as Evaluation).overall.accuracy!.mean,
    };
  });
}

/** Rollouts spent on measuring before each stage. */
function countMeasured(directory: string): number[] {
  using store = openPassRateStore(join(directory, 'pass-rates.sqlite'));
  const counts: number[] = [];
  for (const conditions of store.conditions()) {
    for (const [index, source] of ['base', 'boundary:1', 'boundary:2', 'boundary:3'].entries()) {
      for (const { rollouts } of store.measured(conditions, { source }).values()) {
        counts[index] = (counts[index] ?? 0) + rollouts.length;
      }
    }
  }
  return Array.from(counts, (count) => count ?? 0);
}

/** Mean of the last three evaluations within a budget. */
function windowMean({ points }: Curve, budget: 'rollouts' | 'tokens', limit: number): number {
  const within = points.filter((point) => point[budget] <= limit).slice(-3);
  return mean(within.map(({ accuracy }) => accuracy));
}

/** Rollouts spent when the running window first reaches an accuracy; `null` if it never does. */
function rolloutsToReach(curve: Curve, accuracy: number): number | null {
  const reached = curve.points.find(({ rollouts }) => windowMean(curve, 'rollouts', rollouts) >= accuracy);
  return reached?.rollouts ?? null;
}

function compareArms(curves: readonly Curve[], budget: 'rollouts' | 'tokens') {
  const limit = Math.min(...curves.map(({ points }) => points.at(-1)![budget]));
  const uniform = new Map(
    curves
      .filter(({ arm }) => arm === 'uniform')
      .map((curve) => [curve.seed, windowMean(curve, budget, limit)]),
  );
  const byArm = Map.groupBy(curves, ({ arm }) => arm);
  const rows = [...byArm].map(([arm, runs]) => {
    const accuracies = runs.map((curve) => windowMean(curve, budget, limit));
    const gains = runs.map(({ seed }, i) => accuracies[i]! - uniform.get(seed)!);
    const accuracy = bootstrapMean(accuracies, { seed: 0 });
    return { arm, accuracy, overUniform: bootstrapMean(gains, { seed: 0 }) };
  });
  return { limit, rows };
}

function efficiency(curves: readonly Curve[]) {
  const uniform = curves.filter(({ arm }) => arm === 'uniform');
  const goals = new Map(uniform.map((curve) => [curve.seed, windowMean(curve, 'rollouts', Infinity)]));
  const byArm = Map.groupBy(curves, ({ arm }) => arm);
  return [...byArm].map(([arm, runs]) => {
    const needed = runs.map((curve) => rolloutsToReach(curve, goals.get(curve.seed)!));
    const reached = needed.filter((rollouts) => rollouts !== null);
    return {
      arm,
      reached: reached.length,
      of: runs.length,
      rollouts: reached.length === 0 ? null : mean(reached),
    };
  });
}

const percent = (rate: number): string => (100 * rate).toFixed(1);
const interval = ({ mean: centre, low, high }: Estimate): string =>
  `${percent(centre)} [${percent(low)}, ${percent(high)}]`;

const seeds = Array.from({ length: Number(options.seeds) }, (_, i) => i + 1);
const curves: Curve[] = [];
for (const seed of seeds) {
  for (const arm of options.arms.split(',')) curves.push(await runArm(arm, seed));
}

const [atRollouts, atTokens] = [compareArms(curves, 'rollouts'), compareArms(curves, 'tokens')];
const needed = efficiency(curves);
console.log(
  `\n${seeds.length} seeds; held-out accuracy in %, window mean of three evaluations; [95 % over seeds]\n\n` +
    `| recipe | at ${atRollouts.limit} rollouts | over uniform | at ${atTokens.limit} tokens | over uniform | rollouts to uniform's end |\n` +
    '|---|---|---|---|---|---|',
);
for (const [i, { arm, accuracy, overUniform }] of atRollouts.rows.entries()) {
  const tokens = atTokens.rows[i]!;
  const { reached, of, rollouts } = needed[i]!;
  const reach = rollouts === null ? 'never' : `${Math.round(rollouts)} (${reached} of ${of} seeds)`;
  console.log(
    `| ${arm} | ${interval(accuracy)} | ${interval(overUniform)} | ${interval(tokens.accuracy)} | ${interval(tokens.overUniform)} | ${reach} |`,
  );
}
console.log(JSON.stringify({ seeds, machine: cpus()[0]?.model, atRollouts, atTokens, needed, curves }));
