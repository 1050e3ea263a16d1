import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng, hashKey, uniformAt } from '../../core/rng.ts';
import { type Cut, cellOf, equalBands, neverSometimesAlways } from '../probing/cut-points.ts';
import { createDriftModel, driftConfig, observed, predicted, type RateBelief } from './drift.ts';
import type { RecordedTrials } from '../pass-rates/pass-rate-store.ts';
import { rateGrid } from './rate-grid.ts';
import { isToBeMeasured, planNextAttempts, planRemeasure, type RemeasurePlan } from './remeasure-plan.ts';
import { openPassRateStore } from '../pass-rates/sqlite-store.ts';

const model = createDriftModel(driftConfig.parse({}), rateGrid.uniform());
const tried = (successes: number, trials: number, age: number): RateBelief =>
  model.aged(observed(model.start, successes, trials), age);
const everything = { budget: Infinity, recall: 1 };

function planFor(
  belief: RateBelief,
  cuts: readonly Cut[],
  trials: number,
  limits = everything,
): RemeasurePlan {
  return planRemeasure([{ id: 'p', belief }], { cuts, trials }, limits);
}

test('attempts uncertain problems until the recall or the budget is reached', () => {
  const problems = [
    ...Array.from({ length: 10 }, (_, i) => ({ id: `never${i}`, belief: tried(0, 16, 30) })),
    ...Array.from({ length: 10 }, (_, i) => ({ id: `half${i}`, belief: tried(8, 16, 5) })),
  ];
  const what = { cuts: neverSometimesAlways, trials: 16 };
  const all = planRemeasure(problems, what, everything);
  const some = planRemeasure(problems, what, { budget: Infinity, recall: 0.9 });
  expect(['never0', 'half0'].map((id) => isToBeMeasured(some, id))).toEqual([true, false]);
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 400, noNaN: true }),
      fc.double({ min: 0.01, max: 1 }),
      (budget, recall) => {
        const plan = planRemeasure(problems, what, { budget, recall });
        const [before, after] = plan.expectedWrong;
        expect(plan.expectedRollouts).toBeLessThanOrEqual(budget);
        expect(before).toBeCloseTo(all.expectedWrong[0], 9);
        expect(after).toBeLessThanOrEqual(before);
        expect(plan.expectedRollouts).toBeLessThanOrEqual(all.expectedRollouts + 1e-9);
        // Either the recall was reached, or a higher recall would have exceeded the budget.
        const unlimited = planRemeasure(problems, what, { budget: Infinity, recall });
        const isReached = after <= (1 - recall) * before + 1e-9;
        expect(isReached || after === all.expectedWrong[1] || unlimited.expectedRollouts > budget).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
  expect(planRemeasure(problems, what, { budget: 0, recall: 1 }).expectedRollouts).toBe(0);
  expect(planRemeasure([], what, everything).expectedWrong).toEqual([0, 0]);
});

test('the expected cost and error match those of simulated problems', () => {
  const draws = 4000;
  for (const [belief, cuts, trials] of [
    [tried(0, 8, 10), neverSometimesAlways, 16],
    [tried(7, 8, 20), equalBands(5), 12],
  ] as const) {
    const budget = 0.6 * planFor(belief, cuts, trials).expectedRollouts;
    const plan = planFor(belief, cuts, trials, { budget, recall: 1 });
    const rng = createRng(7);
    let [rollouts, wrong] = [0, 0];
    for (let draw = 0; draw < draws; draw++) {
      const rate = rateAt(belief, rng.next());
      const marks = Array.from({ length: trials }, () => (rng.next() < rate ? '1' : '0')).join('');
      const made = attemptsMade(plan, marks);
      const successes = successesIn(marks.slice(0, made));
      const called = likeliestCell(belief, cuts, trials, successes, made);
      rollouts += made / draws;
      if (called !== cellOf(cuts, successesIn(marks), trials)) wrong += 1 / draws;
    }
    expect(rollouts).toBeCloseTo(plan.expectedRollouts, 0);
    expect(Math.abs(rollouts / plan.expectedRollouts - 1)).toBeLessThan(0.05);
    expect(Math.abs(wrong - plan.expectedWrong[1])).toBeLessThan(0.02);
  }
});

test('stops when further attempts cannot change the cell', () => {
  const plan = planFor(tried(4, 8, 1e3), neverSometimesAlways, 8);
  expect(attemptsMade(plan, '00000000')).toBe(8);
  expect(attemptsMade(plan, '10111111')).toBe(2);
});

test('makes the same attempts regardless of interruptions', () => {
  const plan = planFor(tried(2, 4, 100), equalBands(5), 12);
  const outcomeOf = (seed: number, rollout: number): string => {
    const draw = uniformAt(hashKey(seed, 'outcome'), rollout);
    return draw < 0.1 ? '-' : draw < 0.5 ? '1' : '0';
  };
  const measure = (seed: number, isLost: (rollout: number, round: number) => boolean): readonly number[] => {
    let rollouts: number[] = [];
    for (let round = 0; ; round++) {
      const asked = nextAttempts(plan, rollouts, (rollout) => outcomeOf(seed, rollout));
      if (asked.length === 0) return rollouts;
      const kept = asked.filter((rollout) => !isLost(rollout, round));
      rollouts = [...rollouts, ...kept].toSorted((x, y) => x - y);
    }
  };
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (seed, kills) => {
      const isLost = (rollout: number, round: number): boolean =>
        uniformAt(hashKey(kills, rollout), round) < 0.5;
      const calm = measure(seed, () => false);
      expect(measure(seed, isLost)).toEqual(calm);
      expect(calm.length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});

test('plans each attempt once, replaces ungradable attempts, and never exceeds the maximum number of attempts', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), (seed, count) => {
      using store = openPassRateStore(':memory:');
      const sampling = { temperature: 1, topP: 1, topK: 0, stop: [], maxTokens: 9 };
      const conditions = { model: 'm', ...sampling, verifier: 'v@1' };
      const ids = Array.from({ length: count }, (_, i) => `p${i}`);
      const problems = ids.map((id, i) => ({ id, belief: tried(i % 5, 4, 100) }));
      const plan = planRemeasure(problems, { cuts: equalBands(5), trials: 12 }, everything);
      const outcomeOf = (id: string, rollout: number) => {
        const draw = uniformAt(hashKey(seed, id), rollout);
        return draw < 0.2 ? 'ungradable' : draw < uniformAt(hashKey(seed, id)) ? 'correct' : 'incorrect';
      };
      for (let round = 0; ; round++) {
        const { batches, rollouts } = planNextAttempts(plan, ids, store.passRates(conditions));
        if (batches.length === 0) break;
        expect(round).toBeLessThan(40);
        const asked = batches.flatMap(({ problemIds, firstIndex, rollouts: each }) =>
          problemIds.flatMap((problemId) =>
            Array.from({ length: each }, (_, i) => {
              const rollout = firstIndex + i;
              const outcome = outcomeOf(problemId, rollout);
              return { problemId, source: { type: 'base' }, step: 0, rollout, outcome } as const;
            }),
          ),
        );
        expect(store.record(conditions, asked)).toBe(rollouts);
      }
      for (const [id, { successes, trials, rollouts }] of store.passRates(conditions)) {
        expect(rollouts).toEqual(Array.from({ length: rollouts.length }, (_, i) => i));
        const at = plan.checkpoints.indexOf(trials);
        const isWorthMore = at < 0 || plan.rules.get(id)!.outlook(at, successes).isWorthMore;
        expect(rollouts.length === 12 || !isWorthMore).toBe(true);
      }
    }),
    { numRuns: 15 },
  );
});

/** Returns the attempts that the plan requests next, given the outcomes of those already made. */
function nextAttempts(
  plan: RemeasurePlan,
  rollouts: readonly number[],
  outcomeOf: (rollout: number) => string,
): number[] {
  const marks = rollouts.map(outcomeOf).join('');
  const trials = marks.replaceAll('-', '').length;
  const record: RecordedTrials = { rollouts, marks, successes: successesIn(marks), trials };
  const measured = new Map(rollouts.length === 0 ? [] : [['p', record]]);
  return planNextAttempts(plan, ['p'], measured).batches.flatMap(({ firstIndex, rollouts: count }) =>
    Array.from({ length: count }, (_, i) => firstIndex + i),
  );
}

/** Returns how many attempts the plan makes, given their outcomes in order. */
function attemptsMade(plan: RemeasurePlan, marks: string): number {
  const made: number[] = [];
  for (;;) {
    const asked = nextAttempts(plan, made, (rollout) => marks[rollout]!);
    if (asked.length === 0) return made.length;
    made.push(...asked);
  }
}

function likeliestCell(
  belief: RateBelief,
  cuts: readonly Cut[],
  trials: number,
  successes: number,
  made: number,
): number {
  const cells = Array.from({ length: cuts.length + 1 }, () => 0);
  predicted(observed(belief, successes, made), trials - made).forEach((probability, further) => {
    cells[cellOf(cuts, successes + further, trials)]! += probability;
  });
  return cells.indexOf(Math.max(...cells));
}

function rateAt(belief: RateBelief, share: number): number {
  let below = 0;
  const at = belief.findIndex((probability) => (below += probability) >= share);
  return rateGrid.rates.at(at)!;
}

const successesIn = (marks: string): number => marks.replaceAll(/[^1]/g, '').length;
