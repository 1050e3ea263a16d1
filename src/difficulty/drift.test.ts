import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng, hashKey, uniformAt } from '../core/rng.ts';
import { equalBands, neverSometimesAlways } from './cuts.ts';
import {
  createDriftModel,
  describeBelief,
  driftConfig,
  learnStart,
  observed,
  predicted,
  predictedCells,
} from './drift.ts';
import { rateGrid } from './rate-grid.ts';
import { isSettled, planRemeasure, planUntilSettled } from './remeasure-plan.ts';
import { openPassRateStore } from './sqlite-store.ts';

const drift = driftConfig.parse({});
const model = createDriftModel(drift, rateGrid.uniform());
const total = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);

test('beliefs stay probabilities', () => {
  const counts = fc
    .integer({ min: 4, max: 40 })
    .chain((trials) => fc.tuple(fc.integer({ min: 0, max: trials }), fc.constant(trials)));
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 50 }), ([successes, trials], age) => {
      const fresh = observed(model.start, successes, trials);
      const aged = model.aged(fresh, age);
      expect(total(fresh)).toBeCloseTo(1, 9);
      expect(total(aged)).toBeCloseTo(1, 9);
      expect(total(predicted(aged, 8))).toBeCloseTo(1, 9);
      expect(total(predictedCells(aged, neverSometimesAlways, 8))).toBeCloseTo(1, 9);
    }),
    { numRuns: 40 },
  );
});

test('age widens what is not pressed against an end', () => {
  const deviations = [0, 1, 5, 20].map(
    (age) => describeBelief(model.aged(observed(model.start, 10, 20), age)).deviation,
  );
  expect(deviations.toSorted((a, b) => a - b)).toEqual(deviations);
  expect(deviations[3]! / deviations[0]!).toBeGreaterThan(1.3);
});

test('no time changes nothing, and the trend of training raises what is half solved', () => {
  const half = observed(model.start, 20, 40);
  expect(model.aged(half, 0)).toBe(half);
  expect(describeBelief(model.aged(half, 20)).mean).toBeGreaterThan(0.53);
  const still = createDriftModel({ ...drift, trend: 0 }, rateGrid.uniform());
  expect(describeBelief(still.aged(half, 20)).mean).toBeCloseTo(0.5, 6);
});

test('the start is learned from first trials, ends included', () => {
  const rng = createRng(1, 'start');
  const first = Array.from({ length: 400 }, () => {
    const rate = rng.next() < 0.5 ? 0.001 : 0.8;
    const successes = Array.from({ length: 8 }, () => Number(rng.next() < rate));
    return { successes: total(successes), trials: 8 };
  });
  const [none, ...some] = predicted(learnStart(first), 8);
  expect(none).toBeGreaterThan(0.42);
  expect(none).toBeLessThan(0.58);
  expect(some[6]! + some[7]!).toBeGreaterThan(0.2);
});

test('on walks it was made for, the model foresees better than counts that decay', () => {
  const rng = createRng(2, 'walks');
  const gaussian = (): number => total(Array.from({ length: 12 }, () => rng.next())) - 6;
  let own = 0;
  let decaying = 0;
  for (let walk = 0; walk < 60; walk++) {
    let odds = 3 * gaussian();
    let belief = model.start;
    let [successes, failures] = [0.2, 0.2];
    for (let visit = 0; visit < 30; visit++) {
      const rate = 1 / (1 + Math.exp(-odds));
      const correct = total(Array.from({ length: 8 }, () => Number(rng.next() < rate)));
      if (visit > 0) {
        own -= Math.log(predicted(belief, 8)[correct]!);
        decaying -= Math.log(betaBinomial(correct, successes, failures));
      }
      belief = model.aged(observed(belief, correct, 8), 1);
      successes = 0.2 + 0.85 * (successes - 0.2 + correct);
      failures = 0.2 + 0.85 * (failures - 0.2 + 8 - correct);
      odds += drift.trend + drift.volatility * gaussian();
    }
  }
  expect(own).toBeLessThan(decaying);
});

test('a re-measurement goes where levels have changed, and keeps to budget and recall', () => {
  const stale = (successes: number, age: number) =>
    model.aged(observed(observed(model.start, successes, 8), successes, 8), age);
  const problems = [
    ...Array.from({ length: 10 }, (_, i) => ({ id: `never${i}`, cell: 0, belief: stale(0, 30) })),
    ...Array.from({ length: 10 }, (_, i) => ({ id: `half${i}`, cell: 1, belief: stale(4, 5) })),
  ];
  const what = { cuts: neverSometimesAlways, trials: 16 };
  const all = planRemeasure(problems, what, { budget: Infinity, recall: 1 });
  expect(all.problemIds.slice(0, 10).every((id) => id.startsWith('never'))).toBe(true);
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 200, noNaN: true }),
      fc.double({ min: 0.01, max: 1 }),
      (budget, recall) => {
        const plan = planRemeasure(problems, what, { budget, recall });
        expect(plan.expectedRollouts).toBeLessThanOrEqual(budget);
        expect(plan.problemIds).toEqual(all.problemIds.slice(0, plan.problemIds.length));
        expect(plan.expectedFound).toBeLessThanOrEqual(plan.expectedChanges + 1e-9);
      },
    ),
    { numRuns: 30 },
  );
});

test('attempts end where the rest cannot change the level', () => {
  const what = { cuts: neverSometimesAlways, trials: 8 };
  expect([
    isSettled(what, 0, 7),
    isSettled(what, 1, 2),
    isSettled(what, 2, 2),
    isSettled(what, 0, 8),
  ]).toEqual([false, true, false, true]);
});

test('however often a measurement until settled is interrupted, it makes the same attempts', () => {
  const what = { cuts: equalBands(5), trials: 12 };
  const outcomeOf = (seed: number, rollout: number): string => {
    const draw = uniformAt(hashKey(seed, 'outcome'), rollout);
    return draw < 0.1 ? '-' : draw < 0.5 ? '1' : '0';
  };
  const measure = (seed: number, isLost: (rollout: number, round: number) => boolean): readonly number[] => {
    let rollouts: number[] = [];
    for (let round = 0; ; round++) {
      const marks = rollouts.map((rollout) => outcomeOf(seed, rollout)).join('');
      const successes = marks.replaceAll(/[^1]/g, '').length;
      const record = { rollouts, marks, successes, trials: marks.replaceAll('-', '').length };
      const plan = planUntilSettled(
        what,
        ['p'],
        rollouts.length === 0 ? new Map() : new Map([['p', record]]),
      );
      if (plan.batches.length === 0) return rollouts;
      const asked = plan.batches.flatMap(({ firstIndex, rollouts: count }) =>
        Array.from({ length: count }, (_, i) => firstIndex + i),
      );
      const kept = asked.filter((rollout) => !isLost(rollout, round));
      rollouts = [...rollouts, ...kept].toSorted((x, y) => x - y);
    }
  };
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (seed, kills) => {
      const isLost = (rollout: number, round: number): boolean =>
        uniformAt(hashKey(kills, rollout), round) < 0.5;
      expect(measure(seed, isLost)).toEqual(measure(seed, () => false));
    }),
    { numRuns: 300 },
  );
});

test('attempts are asked for until the level is settled, never twice and never more than they are about', () => {
  const what = { cuts: equalBands(5), trials: 12 };
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), (seed, count) => {
      using store = openPassRateStore(':memory:');
      const conditions = {
        model: 'm',
        temperature: 1,
        topP: 1,
        topK: 0,
        stop: [],
        maxTokens: 9,
        verifier: 'v@1',
      };
      const ids = Array.from({ length: count }, (_, i) => `p${i}`);
      const outcomeOf = (id: string, rollout: number) => {
        const draw = uniformAt(hashKey(seed, id), rollout);
        return draw < 0.05 ? 'ungradable' : draw < uniformAt(hashKey(seed, id)) ? 'correct' : 'incorrect';
      };
      for (let round = 0; ; round++) {
        const plan = planUntilSettled(what, ids, store.measured(conditions));
        if (plan.batches.length === 0) break;
        expect(round).toBeLessThan(20);
        const asked = plan.batches.flatMap(({ problemIds, firstIndex, rollouts }) =>
          problemIds.flatMap((problemId) =>
            Array.from({ length: rollouts }, (_, i) => {
              const rollout = firstIndex + i;
              return {
                problemId,
                source: 'probe',
                step: 0,
                rollout,
                outcome: outcomeOf(problemId, rollout),
              } as const;
            }),
          ),
        );
        expect(store.record(conditions, asked)).toBe(plan.rollouts);
      }
      for (const { successes, trials, rollouts } of store.measured(conditions).values()) {
        expect(rollouts.length).toBeLessThanOrEqual(12);
        const open = 12 - (rollouts.length - trials);
        expect(trials >= open || isSettled({ ...what, trials: open }, successes, trials)).toBe(true);
      }
    }),
    { numRuns: 15 },
  );
});

function betaBinomial(correct: number, alpha: number, beta: number): number {
  let probability = 1;
  for (let i = 0; i < correct; i++) probability *= ((8 - i) / (i + 1)) * (alpha + i);
  for (let i = 0; i < 8 - correct; i++) probability *= beta + i;
  for (let i = 0; i < 8; i++) probability /= alpha + beta + i;
  return probability;
}
