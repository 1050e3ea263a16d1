import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { drawWeighted } from './weighted-draw.ts';

test('draws distinct indices of positive weight: as many as requested, or all if there are fewer', () => {
  const weights = fc.array(
    fc.oneof(fc.constant(0), fc.double({ min: 1e-24, max: 1e6, noNaN: true, noDefaultInfinity: true })),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(weights, fc.integer({ min: 0, max: 50 }), fc.integer(), (values, count, seed) => {
      const drawn = drawWeighted(count, values.length, (index) => values[index]!, createRng(seed));
      const positive = values.filter((weight) => weight > 0).length;
      expect(drawn).toHaveLength(Math.min(count, positive));
      expect(new Set(drawn).size).toBe(drawn.length);
      for (const index of drawn) expect(values[index]).toBeGreaterThan(0);
    }),
  );
});

test('includes each index as often as successive draws by weight would', () => {
  const weights = [1, 2, 3, 6, 8];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // The exact probability of inclusion in two successive draws.
  const expected = weights.map((weight, i) =>
    weights.reduce(
      (sum, other, j) => (i === j ? sum : sum + ((other / total) * weight) / (total - other)),
      weight / total,
    ),
  );
  const runs = 20_000;
  const counts = weights.map(() => 0);
  const random = createRng(5);
  for (let run = 0; run < runs; run++)
    for (const index of drawWeighted(2, weights.length, (i) => weights[i]!, random)) counts[index]!++;
  for (const [index, count] of counts.entries())
    expect(Math.abs(count / runs - expected[index]!)).toBeLessThan(5 * Math.sqrt(0.25 / runs));
});

test('draws the first index in proportion to weight', () => {
  const random = createRng(6);
  let first = 0;
  for (let run = 0; run < 20_000; run++)
    if (drawWeighted(1, 2, (index) => [3, 1][index]!, random)[0] === 0) first++;
  expect(Math.abs(first / 20_000 - 0.75)).toBeLessThan(0.016);
});
