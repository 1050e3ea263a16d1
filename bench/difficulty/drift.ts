import { bootstrapMean } from '../../src/statistics/intervals.ts';
import { hashKey, uniformAt } from '../../src/core/rng.ts';
import {
  type Cut,
  cellOf,
  equalBands,
  neverSometimesAlways,
} from '../../src/difficulty/probing/cut-points.ts';
import {
  createDriftModel,
  driftConfig,
  type DriftModel,
  learnStart,
  observed,
  predicted,
  type RateBelief,
} from '../../src/difficulty/drift/drift.ts';
import {
  planRemeasure,
  type RemeasurePlan,
  type Remeasurement,
} from '../../src/difficulty/drift/remeasure-plan.ts';
import type { TraceProblem } from './data.ts';

/** Rollouts per visit. */
const perVisit = 8;
type Visits = readonly number[];

/** Accuracy of predicting the next visit, and the errors that re-measuring detects at a third of the cost. */
export interface DriftReport {
  /** Mean −ln probability of the next visit's count, by method. */
  readonly logLoss: Readonly<Record<string, number>>;
  readonly remeasure: readonly Remeasured[];
}

interface Remeasured {
  readonly question: string;
  readonly from: number;
  readonly to: number;
  readonly changed: number;
  /** Share of the changed problems whose most likely cell is different afterwards; `falseAlarms`: of the unchanged. */
  readonly found: number;
  readonly falseAlarms: number;
  /** Rollouts spent, as a share of those for measuring everything. */
  readonly cost: number;
}

/** Evaluates on the odd rows after choosing the methods' parameters on the even rows. */
export function compareDrift(trace: readonly TraceProblem[]): DriftReport {
  const [tuning, testing] = [0, 1].map((part) =>
    trace.filter((_, i) => i % 2 === part).map(({ visits }) => visits),
  ) as [Visits[], Visits[]];
  const start = learnStart(tuning.map((visits) => ({ successes: visits[0]!, trials: perVisit })));
  const model = createDriftModel(driftConfig.parse({}), start);
  const logLoss = printLosses(tuning, testing, model);
  const remeasure = questions.flatMap(([question, cuts]) =>
    boundaries.map(([from, to]) => ({ question, from, to, ...boundary(testing, model, cuts, from, to) })),
  );
  console.log(
    '\nRe-measuring at a stage boundary, with a third of the rollouts for measuring everything (truth: 4 visits, 32 rollouts):',
  );
  console.table(
    remeasure.map(({ found, falseAlarms, cost, ...row }) => ({
      ...row,
      found: found.toFixed(3),
      'false alarms': falseAlarms.toFixed(3),
      cost: cost.toFixed(3),
    })),
  );
  return { logLoss, remeasure };
}

type Losses = (visits: Visits) => number[];

function printLosses(
  tuning: readonly Visits[],
  testing: readonly Visits[],
  model: DriftModel,
): Record<string, number> {
  const methods: Record<string, Losses> = {
    'last value': decayLosses(tuning, [0]),
    'running mean': decayLosses(tuning, [1]),
    'fixed decay': decayLosses(tuning, [0.8, 0.85, 0.9, 0.95]),
    'drift model': (visits) => driftLosses(visits, model),
  };
  const perProblem = Object.entries(methods).map(
    ([name, losses]) => [name, testing.map((visits) => meanOf(losses(visits)))] as const,
  );
  const own = perProblem.at(-1)![1];
  console.log(`\nRL trace, log-loss of the next visit (${testing.length} problems):`);
  console.table(
    perProblem.map(([method, losses]) => {
      const { mean, low, high } = bootstrapMean(
        losses.map((loss, i) => loss - own[i]!),
        { seed: 1, resamples: 2000 },
      );
      const behind = `${mean.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`;
      return { method, 'log-loss': meanOf(losses).toFixed(4), 'behind the drift model': behind };
    }),
  );
  return Object.fromEntries(perProblem.map(([name, losses]) => [name, meanOf(losses)]));
}

/** Returns the log-loss of each visit after the first, predicted from the earlier ones. */
export function driftLosses(visits: Visits, model: DriftModel): number[] {
  let belief = observed(model.start, visits[0]!, perVisit);
  return visits.slice(1).map((correct) => {
    belief = model.aged(belief, 1);
    const loss = -Math.log(predicted(belief, perVisit)[correct]!);
    belief = observed(belief, correct, perVisit);
    return loss;
  });
}

/**
 * Returns the losses of a strong baseline: Beta counts that shrink by a factor at each visit. The prior and the factor
 * are chosen on the tuning half.
 */
function decayLosses(tuning: readonly Visits[], factors: readonly number[]): Losses {
  const priors = [0.05, 0.1, 0.2, 0.4, 0.8];
  const settings = factors.flatMap((factor) =>
    priors.flatMap((alpha) => priors.map((beta) => ({ factor, alpha, beta }))),
  );
  const some = tuning.slice(0, 200);
  const losses = settings.map((setting) => meanOf(some.flatMap((visits) => decayed(visits, setting))));
  const best = settings[losses.indexOf(Math.min(...losses))]!;
  return (visits) => decayed(visits, best);
}

function decayed(
  visits: Visits,
  { factor, alpha, beta }: { factor: number; alpha: number; beta: number },
): number[] {
  let successes = 0;
  let failures = 0;
  const losses: number[] = [];
  visits.forEach((correct, i) => {
    if (i > 0) losses.push(-Math.log(betaBinomial(correct, alpha + successes, beta + failures)));
    successes = factor * successes + correct;
    failures = factor * failures + perVisit - correct;
  });
  return losses;
}

function betaBinomial(correct: number, alpha: number, beta: number): number {
  let probability = 1;
  for (let i = 0; i < correct; i++) probability *= ((perVisit - i) / (i + 1)) * (alpha + i);
  for (let i = 0; i < perVisit - correct; i++) probability *= beta + i;
  for (let i = 0; i < perVisit; i++) probability /= alpha + beta + i;
  return probability;
}

const questions: readonly (readonly [string, readonly Cut[]])[] = [
  ['never / sometimes / always', neverSometimesAlways],
  [
    'hard / medium / easy',
    [
      { at: 0.25, excludeAt: true },
      { at: 0.75, excludeAt: true },
    ],
  ],
  ['5 equal bands', equalBands(5)],
];
const boundaries = [
  [4, 14],
  [10, 20],
  [20, 30],
  [20, 40],
] as const;
const window = 4;

/** Planned cost as a share of that of measuring everything: slightly less than a third, so that the actual cost is at most a third. */
const planned = 0.31;

/**
 * Simulates a stage from visit `from` to visit `to`. Problems sometimes solved at its start are trained on, so their
 * rollouts are known at no cost; the others are not seen. The levels before and after are each from the 32 rollouts of
 * four visits.
 */
function boundary(
  problems: readonly Visits[],
  model: DriftModel,
  cuts: readonly Cut[],
  from: number,
  to: number,
): Pick<Remeasured, 'changed' | 'found' | 'falseAlarms' | 'cost'> {
  const what = { cuts, trials: window * perVisit };
  const cellAt = (visits: Visits, visit: number): number =>
    cellOf(cuts, sumOf(visits.slice(visit, visit + window)), what.trials);
  const aged = problems.map((visits, i) => ({ id: String(i), belief: beliefAt(visits, model, from, to) }));
  const plan = planRemeasure(aged, what, { budget: planned * problems.length * what.trials, recall: 1 });
  const outcomes = problems.map((visits, i) => {
    const { made, successes } = attempt(visits.slice(to, to + window), aged[i]!.id, plan);
    const cells = finalCells(aged[i]!.belief, what, successes, made);
    const [before, after] = [cellAt(visits, from - window), cellAt(visits, to)];
    return { made, isChanged: before !== after, isCalled: before !== cells.indexOf(Math.max(...cells)) };
  });
  const [changed, unchanged] = [true, false].map((is) =>
    outcomes.filter(({ isChanged }) => isChanged === is),
  ) as [typeof outcomes, typeof outcomes];
  const called = (some: typeof outcomes): number =>
    some.filter(({ isCalled }) => isCalled).length / some.length;
  return {
    changed: changed.length,
    found: called(changed),
    falseAlarms: called(unchanged),
    cost: sumOf(outcomes.map(({ made }) => made)) / (problems.length * what.trials),
  };
}

function beliefAt(visits: Visits, model: DriftModel, from: number, to: number): RateBelief {
  const before = sumOf(visits.slice(from - window, from));
  const isTrained = before > 0 && before < window * perVisit;
  let belief = model.start;
  for (let visit = 0; visit < to; visit++) {
    if (visit > 0) belief = model.aged(belief, 1);
    if (visit < from || isTrained) belief = observed(belief, visits[visit]!, perVisit);
  }
  return model.aged(belief, 1);
}

/** Makes the attempts in the plan's order: visit by visit, in a seeded order within each visit. */
function attempt(
  visits: Visits,
  id: string,
  { rules, checkpoints }: RemeasurePlan,
): { readonly made: number; readonly successes: number } {
  let [made, successes, wave] = [0, 0, 0];
  let left = 0;
  while (rules.get(id)!.outlook(wave, successes).isWorthMore) {
    for (wave++; made < checkpoints[wave]!; made++) {
      if (made % perVisit === 0) left = visits[made / perVisit]!;
      if (uniformAt(hashKey('remeasure', Number(id)), made) >= left / (perVisit - (made % perVisit)))
        continue;
      successes++;
      left--;
    }
  }
  return { made, successes };
}

/** Returns the probability of each final cell after all attempts, given some of them. */
function finalCells(belief: RateBelief, what: Remeasurement, successes: number, made: number): number[] {
  const { cuts, trials } = what;
  const cells = Array.from({ length: cuts.length + 1 }, () => 0);
  predicted(observed(belief, successes, made), trials - made).forEach((probability, further) => {
    cells[cellOf(cuts, successes + further, trials)]! += probability;
  });
  return cells;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length;
}
