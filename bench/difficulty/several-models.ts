import { hashKey, uniformAt } from '../../src/core/rng.ts';
import {
  afterWave,
  posteriors,
  createProbing,
  nextWave,
  startProbing,
} from '../../src/difficulty/probing/adaptive-waves.ts';
import type { Posterior } from '../../src/difficulty/probing/posterior.ts';
import { type Cut, neverSometimesAlways } from '../../src/difficulty/probing/cut-points.ts';
import { createFeatureTable } from '../../src/difficulty/probing/feature-table.ts';
import { paperLevels } from '../../src/difficulty/levels/level-presets.ts';
import { createLevels, levelConfig } from '../../src/difficulty/levels/levels.ts';
import { passRateFeature } from '../../src/difficulty/probing/problem-features.ts';
import type { Trials } from '../../src/difficulty/pass-rates/trials.ts';
import { drawn, gaussian } from './data.ts';
import { type Point, rolloutsFor } from './methods.ts';

const horizon = 64;
const count = 4000;
/** Shift of the log-odds for each model; each problem adds N(0, 2.2), each pair of problem and model N(0, 0.9). */
const models = { small: -1.2, medium: 0.6, large: 1.8 } as const;
/** Share of problems with a wrong gold answer, which no model solves. */
const wrongGold = 0.06;
type Model = keyof typeof models;
type Beliefs = Partial<Record<Model, Map<string, Posterior>>>;

interface SimulatedProblem {
  readonly id: string;
  readonly domain: string;
  readonly records: Readonly<Record<Model, Uint16Array>>;
}

const levels = createLevels(
  paperLevels({ judge: null }).map((input) => levelConfig.parse(input)),
  { alpha: 1, beta: 1 },
);
const names = Object.keys(models) as Model[];

/**
 * Measures the paper's L1, L2 and L3 on three simulated models: rollouts of all three at the same share of misplaced
 * problems.
 */
export function compareSeveralModels(): { k: number; error: number; adaptive: number | null }[] {
  const problems = Array.from({ length: count }, (_, i) => simulate(i));
  const truth = problems.map((problem) =>
    levelsOf(problem, (model) => trialsAt(problem.records[model], horizon)),
  );
  const wrongShare = (found: readonly string[]): number =>
    found.filter((levelNames, i) => levelNames !== truth[i]).length / count;
  const baselines = [4, 8, 16, 32].map((k) => ({
    k,
    error: wrongShare(
      problems.map((problem) => levelsOf(problem, (model) => trialsAt(problem.records[model], k))),
    ),
  }));
  const points = [0.3, 0.5, 0.6, 0.7, 0.78, 0.84, 0.88, 0.92, 0.95, 0.97].map((confidence) => {
    const { found, rollouts } = measureAll(problems, confidence);
    return { rollouts: rollouts / count, error: wrongShare(found) };
  });
  const rows = baselines.map(({ k, error }) => {
    const cost = rolloutsFor(points, error);
    return { k, error, adaptive: Number.isNaN(cost) ? null : cost };
  });
  print(rows, points);
  return rows;
}

/**
 * Probes one model after another, with smaller models' outcomes as features, and only if its pass rate decides a level.
 */
function measureAll(
  problems: readonly SimulatedProblem[],
  confidence: number,
): { found: string[]; rollouts: number } {
  const beliefs: Beliefs = {};
  const features = new Map(problems.map(({ id, domain }) => [id, [`domain ${domain}`]]));
  let rollouts = 0;
  for (const model of names) {
    const asked = problems.filter((problem) => isDecisive(problem, model, beliefs));
    const cuts = model === 'large' ? [{ at: 0.5, excludeAt: false }] : neverSometimesAlways;
    const measured = measureOne(asked, model, cuts, confidence, features);
    beliefs[model] = measured.beliefs;
    rollouts += measured.rollouts;
  }
  const found = problems.map((problem) =>
    levelsOf(problem, (model) => representative(model, beliefs[model]!.get(problem.id)?.cell ?? 0)),
  );
  return { found, rollouts };
}

function measureOne(
  problems: readonly SimulatedProblem[],
  model: Model,
  cuts: readonly Cut[],
  confidence: number,
  features: Map<string, string[]>,
): { beliefs: Map<string, Posterior>; rollouts: number } {
  const ids = problems.map(({ id }) => id);
  const goal = { cuts, horizon, screen: 1, confidence, budget: horizon * ids.length };
  const probing = createProbing(
    ids,
    createFeatureTable(ids.map((id) => ({ words: features.get(id)!, values: {} }))),
    goal,
  );
  let state = startProbing(probing);
  for (let wave = nextWave(probing, state); wave !== null; wave = nextWave(probing, state))
    state = afterWave(probing, state, wave, (i, attempts) => problems[i]!.records[model][attempts]!);
  const belief = posteriors(probing, state);
  const beliefs = new Map(ids.map((id, i) => [id, belief(i)]));
  ids.forEach((id, i) =>
    features.get(id)!.push(passRateFeature(model, Math.round(100 * belief(i).mean), 100)),
  );
  return { beliefs, rollouts: state.attempts.reduce((sum, made) => sum + made, 0) };
}

/** Returns whether a model's cell can affect a problem's levels, given any outcomes of the remaining models. */
function isDecisive(problem: SimulatedProblem, model: Model, beliefs: Beliefs): boolean {
  const likely = (other: Model): number[] => {
    const belief = beliefs[other]?.get(problem.id);
    if (belief === undefined) return other === 'large' ? [0, 1] : [0, 1, 2];
    return belief.probabilities.flatMap((probability, cell) => (probability > 0.05 ? [cell] : []));
  };
  const others = names.filter((name) => name !== model);
  const [first, second] = others as [Model, Model];
  return likely(first).some((a) =>
    likely(second).some((b) => {
      const cells: Partial<Record<Model, number>> = { [first]: a, [second]: b };
      const found = likely(model).map((cell) =>
        levelsOf(problem, (name) => representative(name, name === model ? cell : cells[name]!)),
      );
      return new Set(found).size > 1;
    }),
  );
}

/** Returns trials that represent a cell when rules read them as point estimates. */
function representative(model: Model, cell: number): Trials {
  if (model === 'large') return { successes: cell, trials: 1 };
  return { successes: cell, trials: 2 };
}

function levelsOf({ id, domain }: SimulatedProblem, trialsOf: (model: Model) => Trials): string {
  const passRates = Object.fromEntries(names.map((model) => [model, trialsOf(model)]));
  return levels.of({ id, domain, passRates }).join(' ');
}

function trialsAt(record: Uint16Array, made: number): Trials {
  return { successes: record[made]!, trials: made };
}

function simulate(i: number): SimulatedProblem {
  const key = hashKey('several models');
  const ease = 2.2 * gaussian(key, i, 0);
  const isBroken = uniformAt(key, i, 9) < wrongGold;
  const record = (model: Model): Uint16Array => {
    const odds = ease + models[model] + 0.9 * gaussian(key, i, hashKey(model));
    return drawn(hashKey(key, model), i, isBroken ? 0 : 1 / (1 + Math.exp(-odds)), horizon);
  };
  const records = { small: record('small'), medium: record('medium'), large: record('large') };
  return { id: `s${i}`, domain: uniformAt(key, i, 8) < 0.7 ? 'math' : 'code', records };
}

function print(
  rows: readonly { k: number; error: number; adaptive: number | null }[],
  points: readonly Point[],
): void {
  console.log(
    `\nThe paper's levels L1, L2, L3 over three simulated models (${count} problems, truth = ${horizon} rollouts of each model; ` +
      `log-odds = N(0, 2.2) + ${Object.entries(models)
        .map(([name, shift]) => `${shift} ${name}`)
        .join(', ')} + N(0, 0.9); ${wrongGold * 100} % never solved by any)`,
  );
  console.table(
    rows.map(({ k, error, adaptive }) => ({
      'fixed k, each model': k,
      'rollouts, all models': 3 * k,
      'wrong set of levels': Number(error.toFixed(4)),
      adaptive: adaptive === null ? '–' : `${adaptive.toFixed(1)} (${(adaptive / k / 3).toFixed(2)})`,
    })),
  );
  console.log(
    `rollouts: error — ${points.map(({ rollouts, error }) => `${rollouts.toFixed(1)}: ${error.toFixed(3)}`).join(' | ')}`,
  );
}
