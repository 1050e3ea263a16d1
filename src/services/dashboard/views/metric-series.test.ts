import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { thin } from './metric-series.ts';

test('downsampling keeps the order and the minimum, maximum and last values', () => {
  const values = fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 5000 });
  fc.assert(
    fc.property(values, fc.integer({ min: 2, max: 1000 }), (all, points) => {
      const kept = thin({ steps: Float64Array.from(all.keys()), values: Float64Array.from(all) }, points);
      expect(kept.steps.length).toBeLessThanOrEqual(Math.max(3, points));
      expect(kept.steps).toEqual(kept.steps.toSorted((a, b) => a - b));
      expect(kept.values).toEqual(kept.steps.map((step) => all[step]));
      expect(Math.min(...kept.values)).toBe(Math.min(...all));
      expect(Math.max(...kept.values)).toBe(Math.max(...all));
      expect(kept.steps.at(-1)).toBe(all.length - 1);
    }),
  );
});
