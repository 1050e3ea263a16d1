import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addParts, totalOf } from './plan.ts';
import { exactly, over, plus, type Range, times } from './range.ts';
import { lengthDuringTraining } from './rollout-length.ts';

const range = fc
  .tuple(
    fc.double({ min: 0.01, max: 1e6, noNaN: true }),
    fc.double({ min: 1, max: 10, noNaN: true }),
    fc.double({ min: 1, max: 10, noNaN: true }),
  )
  .map(([low, a, b]): Range => ({ low, expected: low * a, high: low * a * b }));
const isOrdered = ({ low, expected, high }: Range): boolean => low <= expected && expected <= high;

test('the sum, product and quotient of two ranges contain those of any values within them', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(range, range, share, share, (a, b, x, y) => {
      const [p, q] = [a.low + x * (a.high - a.low), b.low + y * (b.high - b.low)];
      const pairs: [Range, number][] = [
        [plus(a, b), p + q],
        [times(a, b), p * q],
        [over(a, b), p / q],
      ];
      for (const [result, value] of pairs) {
        expect(isOrdered(result)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(result.low * (1 - 1e-9));
        expect(value).toBeLessThanOrEqual(result.high * (1 + 1e-9));
      }
    }),
  );
});

test('keeps the forecast length of a rollout within its limit', () => {
  const length = fc.record({ mean: fc.double({ min: 0.1, max: 5000, noNaN: true }), from: fc.constant('') });
  fc.assert(
    fc.property(fc.option(length, { nil: undefined }), fc.integer({ min: 1, max: 4096 }), (known, limit) => {
      const found = lengthDuringTraining(known, limit);
      expect(isOrdered(found)).toBe(true);
      expect(found.high).toBeLessThanOrEqual(limit);
    }),
  );
  expect(lengthDuringTraining({ mean: 100, from: '' }, 1000)).toEqual({ low: 75, expected: 100, high: 140 });
  expect(lengthDuringTraining(undefined, 48)).toEqual({ low: 1, expected: 48, high: 48 });
});

test('omits the total time if a part has no time', () => {
  const part = { kind: 'stage', name: 'a', rollouts: exactly(8), tokens: exactly(80) } as const;
  expect(totalOf({ parts: [] })).toBeUndefined();
  expect(addParts({ ...part, seconds: exactly(2) }, { ...part, seconds: exactly(3) }).seconds).toEqual(
    exactly(5),
  );
  expect(totalOf({ parts: [{ ...part, seconds: exactly(2) }, part] })).toEqual({
    ...part,
    rollouts: exactly(16),
    tokens: exactly(160),
  });
});
