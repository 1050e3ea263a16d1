import { bootstrapMean } from '../../src/core/statistics-intervals.ts';
import { hashKey, uniformAt } from '../../src/core/rng.ts';
import { type Cut, cellOf, equalBands, neverSometimesAlways } from '../../src/difficulty/cuts.ts';
import {
  createDriftModel,
  driftConfig,
  type DriftModel,
  learnStart,
  observed,
  predicted,
  type RateBelief,
} from '../../src/difficulty/drift.ts';
import { isSettled, planRemeasure } from '../../src/difficulty/remeasure-plan.ts';
import type { TraceProblem } from './data.ts';

/** Rollouts of one visit. */
const perVisit = 8;
type Visits = readonly number[];

/** How well the next visit is foreseen, and what re-measuring finds at a third of the cost. */
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
  /** Share of the changed problems that were measured again. */
  readonly found: number;
  /** Rollouts spent, as a share of measuring all. */
  readonly cost: number;
}

/** Everything on the odd rows, after choosing on the even ones what a method has to choose. */
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
    '\nRe-measuring at a stage boundary, a third of the rollouts of measuring all (truth: 4 visits, 32 rollouts):',
  );
  console.table(remeasure.map((row) => ({ ...row, found: row.found.toFixed(3), cost: row.cost.toFixed(3) })));
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

function driftLosses(visits: Visits, model: DriftModel): number[] {
  let belief = observed(model.start, visits[0]!, perVisit);
  return visits.slice(1).map((correct) => {
    belief = model.aged(belief, 1);
    const loss = -Math.log(predicted(belief, perVisit)[correct]!);
    belief = observed(belief, correct, perVisit);
    return loss;
  });
}

/** Beta counts that shrink by a factor each visit, prior and factor chosen on the tuning half: a strong baseline. */
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

/**
 * A stage from visit `from` to visit `to`: problems sometimes solved at its start are trained on and their rollouts are
 * known for nothing, the others are not seen. Level before and after: the 32 rollouts of four visits.
 */
function boundary(
  problems: readonly Visits[],
  model: DriftModel,
  cuts: readonly Cut[],
  from: number,
  to: number,
): Pick<Remeasured, 'changed' | 'found' | 'cost'> {
  const trials = window * perVisit;
  const aged = problems.map((visits, i) => ({
    id: String(i),
    cell: cellOf(cuts, sumOf(visits.slice(from - window, from)), trials),
    belief: beliefAt(visits, model, from, to),
  }));
  const plan = planRemeasure(aged, { cuts, trials }, { budget: (problems.length * trials) / 3, recall: 1 });
  const chosen = new Set(plan.problemIds);
  const isChanged = aged.map(
    ({ cell }, i) => cell !== cellOf(cuts, sumOf(problems[i]!.slice(to, to + window)), trials),
  );
  const changed = isChanged.filter(Boolean).length;
  const found = isChanged.filter((is, i) => is && chosen.has(String(i))).length;
  const spent = plan.problemIds.map((id) =>
    attemptsUntilSettled(problems[Number(id)]!.slice(to, to + window), Number(id), cuts),
  );
  return { changed, found: found / changed, cost: sumOf(spent) / (problems.length * trials) };
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

/** Rollouts really spent on a problem: visit by visit, in a seeded order within each. */
function attemptsUntilSettled(visits: Visits, problem: number, cuts: readonly Cut[]): number {
  const trials = visits.length * perVisit;
  let successes = 0;
  let left = 0;
  for (let made = 0; made < trials; made++) {
    if (isSettled({ cuts, trials }, successes, made)) return made;
    if (made % perVisit === 0) left = visits[made / perVisit]!;
    const draw = uniformAt(hashKey('remeasure', problem), made);
    if (draw >= left / (perVisit - (made % perVisit))) continue;
    successes++;
    left--;
  }
  return trials;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length;
}
