import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sharesOf } from './step-shares.ts';

const series = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 }).chain((steps) =>
  fc.record({
    steps: fc.constant(steps.toSorted((a, b) => a - b)),
    values: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: steps.length,
      maxLength: steps.length,
    }),
  }),
);

test('a step with only one of the metrics uses the last value of the other', () => {
  fc.assert(
    fc.property(series, series, (none, all) => {
      const shares = sharesOf({ 'group/unsolved': none, 'group/solved': all });
      expect(shares.map(({ step }) => step)).toEqual(none.steps);
      for (const { step, none: unsolved, all: solved } of shares) {
        const known =
          all.values[
            Math.max(
              0,
              all.steps.findLastIndex((one) => one <= step),
            )
          ]!;
        expect(solved).toBe(Math.min(known, 1 - unsolved));
      }
    }),
  );
  expect(sharesOf({})).toEqual([]);
});
