import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Shares } from './shares.ts';

test('divides batches of 4 in the ratio 2 : 1, as in the documented example', () => {
  const shares = new Shares(['math', 'code']);
  const batches = [1, 2, 3].map(() => shares.allot(4, { math: 2, code: 1 }));
  expect(batches).toEqual([
    { math: 3, code: 1 },
    { math: 2, code: 2 },
    { math: 3, code: 1 },
  ]);
});

test('every batch is full, and no key is ever one item ahead or keys−1 items behind', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
  const counts = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(weights, counts, (values, batches) => {
      const keys = values.map((_, i) => `k${i}`);
      const weightOf = Object.fromEntries(keys.map((key, i) => [key, values[i]!]));
      const total = values.reduce((sum, value) => sum + value, 0);
      const shares = new Shares(keys);
      const given = Object.fromEntries(keys.map((key) => [key, 0]));
      let asked = 0;
      for (const count of batches) {
        const allotted = shares.allot(count, weightOf);
        expect(Object.values(allotted).reduce((sum, value) => sum + value, 0)).toBe(count);
        asked += count;
        for (const key of keys) {
          given[key]! += allotted[key]!;
          const short = (asked * weightOf[key]!) / total - given[key]!;
          expect(short).toBeGreaterThan(-1);
          expect(short).toBeLessThan(Math.max(1, keys.length - 1) + 1e-9);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a key of weight 0 gets nothing, even if an earlier remainder is due to it', () => {
  const shares = new Shares(['a', 'b']);
  shares.allot(3, { a: 1, b: 1 });
  expect(shares.allot(5, { a: 1, b: 0 })).toEqual({ a: 5, b: 0 });
});
