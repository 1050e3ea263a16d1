import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../core/rng.ts';
import { ranksOf, spearman, spearmanEstimate } from './rank-correlation.ts';

const value = fc.integer({ min: -5, max: 5 });
const pairs = fc.array(fc.tuple(value, value), { minLength: 2, maxLength: 30 });

test('the rank of a value counts the smaller values, and equal values share a rank', () => {
  expect([...ranksOf([30, 10, 20, 10])]).toEqual([4, 1.5, 3, 1.5]);
  fc.assert(
    fc.property(fc.array(value), (values) => {
      const ranks = ranksOf(values);
      values.forEach((own, i) => {
        const below = values.filter((other) => other < own).length;
        const equal = values.filter((other) => other === own).length;
        expect(ranks[i]).toBe(below + (equal + 1) / 2);
      });
    }),
  );
});

test('spearman is symmetric, invariant under increasing maps, and changes sign under decreasing maps', () => {
  fc.assert(
    fc.property(pairs, (points) => {
      const [x, y] = [points.map(([a]) => a), points.map(([, b]) => b)];
      const rho = spearman(x, y);
      if (Number.isNaN(rho)) return;
      expect(Math.abs(rho)).toBeLessThanOrEqual(1);
      expect(spearman(y, x)).toBeCloseTo(rho, 12);
      expect(spearman(x, y.map(Math.exp))).toBeCloseTo(rho, 12);
      expect(
        spearman(
          x,
          y.map((one) => -one),
        ),
      ).toBeCloseTo(-rho, 12);
    }),
  );
});

test('spearman equals 1 − 6 Σ d² / (n (n² − 1)) without ties, and is NaN for a constant', () => {
  const x = [86, 97, 99, 100, 101, 103, 106, 110, 112, 113];
  const y = [2, 20, 28, 27, 50, 29, 7, 17, 6, 12];
  expect(spearman(x, y)).toBeCloseTo(-29 / 165, 12);
  expect(spearman([1, 1], [1, 2])).toBeNaN();
  expect(() => spearman([1], [1, 2])).toThrow(/as many/);
});

test('the interval covers the population correlation in about 95 % of samples', () => {
  // The Spearman correlation of a bivariate normal distribution with correlation r is 6/π · asin(r/2).
  const [r, count, worlds] = [0.7, 80, 2000];
  const truth = (6 / Math.PI) * Math.asin(r / 2);
  const rng = createRng(1, 'spearman');
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  let covered = 0;
  for (let world = 0; world < worlds; world++) {
    const x = Float64Array.from({ length: count }, normal);
    const y = x.map((one) => r * one + Math.sqrt(1 - r * r) * normal());
    const { low, high } = spearmanEstimate(x, y);
    if (low <= truth && truth <= high) covered++;
  }
  expect(covered / worlds).toBeGreaterThan(0.935);
  expect(covered / worlds).toBeLessThan(0.965);
});
