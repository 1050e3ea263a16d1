import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { createDriftModel, describeBelief, driftConfig, learnStart, observed, predicted } from './drift.ts';
import { rateGrid } from './rate-grid.ts';

const drift = driftConfig.parse({});
const model = createDriftModel(drift, rateGrid.uniform());
const total = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);

test('beliefs sum to 1 after every operation', () => {
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
    }),
    { numRuns: 40 },
  );
});

test('a belief far from the ends of the grid widens as time passes without trials', () => {
  const deviations = [0, 1, 5, 20].map(
    (age) => describeBelief(model.aged(observed(model.start, 10, 20), age)).deviation,
  );
  expect(deviations.toSorted((a, b) => a - b)).toEqual(deviations);
  expect(deviations[3]! / deviations[0]!).toBeGreaterThan(1.3);
});

test('without elapsed time, a belief is unchanged; over time, the trend raises a rate of one half', () => {
  const half = observed(model.start, 20, 40);
  expect(model.aged(half, 0)).toBe(half);
  expect(describeBelief(model.aged(half, 20)).mean).toBeGreaterThan(0.53);
  const still = createDriftModel({ ...drift, trend: 0 }, rateGrid.uniform());
  expect(describeBelief(still.aged(half, 20)).mean).toBeCloseTo(0.5, 6);
});

test('learnStart fits the distribution of first trials, including the ends of the grid', () => {
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

test('predicts random walks better than decaying counts', () => {
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

function betaBinomial(correct: number, alpha: number, beta: number): number {
  let probability = 1;
  for (let i = 0; i < correct; i++) probability *= ((8 - i) / (i + 1)) * (alpha + i);
  for (let i = 0; i < 8 - correct; i++) probability *= beta + i;
  for (let i = 0; i < 8; i++) probability /= alpha + beta + i;
  return probability;
}
