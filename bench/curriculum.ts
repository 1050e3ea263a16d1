/**
 * Measures the effect of a curriculum. Trains the demo's model with several recipes and several seeds, evaluates all
 * of them on the same held-out problems during training, and compares them at equal training rollouts (without
 * measuring, as in papers), at equal rollouts and at equal tokens (both with measuring).
 *
 *   npm run bench:curriculum -- [--seeds 5] [--rollouts 54000] [--pool 1500] [--every 20] [--arms staged,uniform,…] [--set path=value]
 *
 * `adaptive` is `staged` with half the rollouts for the base measurement, allocated adaptively; it measures again only
 * problems whose result may have changed. `uniform+batch.updates=4` is `uniform` with a changed setting. Each recipe
 * gets as many steps as its share of `--rollouts` allows after measuring `--pool` problems per domain.
 *
 * An accuracy is the mean of the last three evaluations up to a budget, never the best; intervals are 95 % t-intervals
 * over seeds; differences from `uniform` are paired by seed. The last line is JSON.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Estimate, tInterval } from '../src/statistics/intervals.ts';
import { mean } from '../src/statistics/summary.ts';
import { type LearningCurve, readCurves } from '../src/evaluation/learning-curve.ts';
import { loadRecipe } from '../src/recipe/load.ts';
import { openRunReader } from '../src/runs/reading/run-reader.ts';
import { startTraining } from '../src/training/start.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    rollouts: { type: 'string', default: '54000' },
    pool: { type: 'string', default: '1500' },
    every: { type: 'string', default: '20' },
    arms: { type: 'string', default: 'staged,uniform,easy,medium,hard' },
    runs: { type: 'string', default: 'runs/bench-curriculum' },
    set: { type: 'string', multiple: true, default: [] },
  },
});

const rolloutsAStep = 32 * 8;
/** Rollouts for measuring every problem of both pools four times. */
const measuring = 2 * Number(options.pool) * 4;
/** Factor for groups that gates reject: a step tries about a fifth more groups than it trains on. */
const gated = 1.2;

/** Returns the recipe of an arm, limited to the common budget. */
function recipeOf(arm: string): [file: string, assignments: string[]] {
  const budget = Number(options.rollouts);
  const pools = [0, 1].map((domain) => `problems[${domain}].count=${options.pool}`);
  if (arm === 'uniform') {
    return [
      'recipes/uniform/recipe.ts',
      [...pools, `stages[0].maxSteps=${Math.ceil(budget / rolloutsAStep)}`],
    ];
  }
  if (arm === 'staged') {
    const steps = (budget - 2 * measuring) / (rolloutsAStep * gated);
    const stages = [
      `stages[0].maxSteps=${Math.ceil(0.6 * steps)}`,
      `stages[1].maxSteps=${Math.ceil(0.4 * steps)}`,
    ];
    return ['recipes/staged/recipe.ts', [...pools, ...stages]];
  }
  if (arm === 'adaptive') {
    const steps = (budget - measuring / 2 - measuring / 3) / (rolloutsAStep * gated);
    const stages = [
      'difficulty.rollouts=2',
      'difficulty.probing={"type":"adaptive","horizon":8}',
      'stages[1].remeasure.where={"type":"changed"}',
      `stages[0].maxSteps=${Math.ceil(0.6 * steps)}`,
      `stages[1].maxSteps=${Math.ceil(0.4 * steps)}`,
    ];
    return ['recipes/staged/recipe.ts', [...pools, ...stages]];
  }
  const steps = Math.ceil((budget - measuring) / rolloutsAStep);
  const stage = [`stages[0].select=${arm}`, `stages[0].maxSteps=${steps}`];
  return ['recipes/level-ablation/recipe.ts', [...pools, ...stage]];
}

type Budget = 'trained' | 'rollouts' | 'tokens';

/** Accuracies of one run, in order. */
interface Curve {
  readonly arm: string;
  readonly seed: number;
  readonly points: LearningCurve;
}

async function runArm(arm: string, seed: number): Promise<Curve> {
  const [recipeName = '', ...changes] = arm.split('+');
  const [file, assignments] = recipeOf(recipeName);
  const common = [
    `seed=${seed}`,
    `name=${arm.replaceAll(/[^a-z0-9.-]/g, '-')}`,
    'evaluation[0].rollouts=2',
    'evaluation[0].greedy=false',
    `evaluation[0].every=${options.every}`,
    ...options.set,
    ...changes,
  ];
  const recipe = await loadRecipe(file, [...assignments, ...common]);
  const directory = await startTraining(recipe, options.runs);
  using run = await openRunReader(directory);
  const points = readCurves(run).get('held-out')!;
  const last = points.at(-1)!;
  console.log(
    `${arm} seed ${seed}: ${percent(last.overall)} % after ${last.rollouts} rollouts, ${last.tokens} tokens`,
  );
  return { arm, seed, points };
}

/** Returns the mean of the last three evaluations within a budget. */
function windowMean({ points }: Curve, budget: Budget, limit: number): number {
  const within = points.filter((point) => point[budget] <= limit).slice(-3);
  return mean(within.map(({ overall }) => overall));
}

/** Returns the rollouts spent when the running mean first reaches an accuracy; `null` if it never does. */
function rolloutsToReach(curve: Curve, accuracy: number): number | null {
  const reached = curve.points.find(({ rollouts }) => windowMean(curve, 'rollouts', rollouts) >= accuracy);
  return reached?.rollouts ?? null;
}

function compareArms(curves: readonly Curve[], budget: Budget) {
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
    return { arm, accuracy: tInterval(accuracies), overUniform: tInterval(gains) };
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

const budgets = [
  compareArms(curves, 'trained'),
  compareArms(curves, 'rollouts'),
  compareArms(curves, 'tokens'),
] as const;
const [atTrained, atRollouts, atTokens] = budgets;
const needed = efficiency(curves);
console.log(
  `\n${seeds.length} seeds; held-out accuracy in %, window mean of three evaluations; [95 % over seeds]\n\n` +
    `| recipe | at ${atTrained.limit} training rollouts | over uniform | at ${atRollouts.limit} rollouts, measuring counted | over uniform ` +
    `| at ${atTokens.limit} tokens, measuring counted | over uniform | rollouts to uniform's final accuracy |\n` +
    '|---|---|---|---|---|---|---|---|',
);
for (const [i, { arm, of, reached, rollouts }] of needed.entries()) {
  const reach = rollouts === null ? 'never' : `${Math.round(rollouts)} (${reached} of ${of} seeds)`;
  const cells = budgets.map(
    ({ rows }) => `${interval(rows[i]!.accuracy)} | ${interval(rows[i]!.overUniform)}`,
  );
  console.log(`| ${[arm, ...cells, reach].join(' | ')} |`);
}
console.log(
  JSON.stringify({ seeds, machine: cpus()[0]?.model, atTrained, atRollouts, atTokens, needed, curves }),
);
