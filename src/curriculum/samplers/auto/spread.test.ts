import { expect, test } from 'vitest';
import { createRng } from '../../../core/rng.ts';
import { Spread } from './spread.ts';

/**
 * Returns the strength after 40 steps of 20 groups with 8 rollouts each; the problems cycle through these
 * pass rates.
 */
function strengthOf(rates: readonly number[]): number {
  const random = createRng(4);
  const spread = new Spread(new Uint32Array(1), 1);
  for (let step = 0; step < 40; step++) {
    spread.age();
    for (let group = 0; group < 20; group++) {
      const rate = rates[group % rates.length]!;
      const successes = Array.from({ length: 8 }, () => random.next()).filter((u) => u < rate).length;
      spread.add(0, { successes, trials: 8 });
    }
  }
  return spread.strengths()[0]!;
}

test("gives a cell's mean the weight of 4 trials before the first group and when all problems have the same pass rate", () => {
  expect(new Spread(new Uint32Array(3), 2).strengths()).toEqual([4, 4]);
  expect(strengthOf([0.5])).toBe(4);
});

test('gives the mean of a cell little weight if its problems are always or never solved', () => {
  expect(strengthOf([0, 1])).toBeLessThan(0.45);
});

test('estimates the strength of a Beta distribution of pass rates', () => {
  // Two equally frequent rates 0.1 and 0.9 have the variance of Beta(0.28, 0.28), which counts as 0.56 trials.
  expect(strengthOf([0.1, 0.9])).toBeGreaterThan(0.4);
  expect(strengthOf([0.1, 0.9])).toBeLessThan(0.8);
});
