import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../core/rng.ts';
import { drawNormal, drawRatio, ratioEstimate } from './ratio.ts';
import { quantile } from './summary.ts';

const positive = fc.double({ min: 0.1, max: 10, noNaN: true });
const pairs = fc.array(fc.tuple(positive, positive), { minLength: 2, maxLength: 12 });

test('the interval of ratioEstimate contains the estimate and scales with the numerators', () => {
  fc.assert(
    fc.property(pairs, positive, (values, factor) => {
      const [y, x] = [values.map(([first]) => first), values.map(([, second]) => second)];
      const before = ratioEstimate(y, x);
      expect(before.low).toBeLessThanOrEqual(before.mean * (1 + 1e-9));
      expect(before.high).toBeGreaterThanOrEqual(before.mean * (1 - 1e-9));
      const after = ratioEstimate(
        y.map((value) => factor * value),
        x,
      );
      const ends = (['low', 'mean', 'high'] as const).filter((end) => Number.isFinite(before[end]));
      for (const end of ends)
        expect(after[end] / factor / Math.max(1, before[end])).toBeCloseTo(
          before[end] / Math.max(1, before[end]),
          6,
        );
    }),
  );
});

test('ratioEstimate has no upper end if the denominator could be 0, and spans 0 to infinity for one pair', () => {
  expect(ratioEstimate([5, 6, 5], [1, -1, 0.5]).high).toBe(Infinity);
  expect(ratioEstimate([5, 6, 5], [-1, -1.1, -0.9])).toMatchObject({ mean: Infinity, high: Infinity });
  expect(ratioEstimate([4], [2])).toEqual({ mean: 2, low: 0, high: Infinity });
  expect(ratioEstimate([2, 2], [1, 1])).toEqual({ mean: 2, low: 2, high: 2 });
});

test.each([
  [4, 0.4],
  [20, 1],
])(
  'with %i pairs, ratioEstimate and drawRatio cover the true ratio in 95 percent of worlds',
  (count, noise) => {
    const rng = createRng(3, 'ratio', count);
    const worlds = 1500;
    let [fieller, draws] = [0, 0];
    for (let world = 0; world < worlds; world++) {
      const x = Array.from({ length: count }, () => 1 + noise * drawNormal(rng));
      const y = x.map((value) => 14 - 3 * (value - 1) + 2 * drawNormal(rng));
      const { low, high } = ratioEstimate(y, x);
      if (low <= 14 && 14 <= high) fieller++;
      if (world >= 600) continue;
      const ratios = Float64Array.from({ length: 400 }, () => drawRatio(y, x, rng));
      // Infinities sort last; the coverage does not need interpolation next to them.
      const [from, to] = [quantile(ratios, 0.025), quantile(ratios, 0.975)];
      if (from <= 14 && (Number.isNaN(to) || 14 <= to)) draws++;
    }
    expect(Math.abs(fieller / worlds - 0.95)).toBeLessThan(0.02);
    expect(draws / 600).toBeGreaterThan(0.92);
  },
);
