import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { calibrationCurve, calibrationError, rocAuc } from './classification.ts';

const predictions = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.boolean()), { minLength: 2, maxLength: 40 })
  .filter((cases) => new Set(cases.map(([, isTrue]) => isTrue)).size === 2)
  .map((cases) => ({
    scores: cases.map(([score]) => score / 8),
    isTrue: cases.map(([, isTrue]) => isTrue),
  }));

test('the area under the ROC curve is the share of pairs in the right order, with ties counted as half', () => {
  fc.assert(
    fc.property(predictions, ({ scores, isTrue }) => {
      const of = (kind: boolean): number[] => scores.filter((_, i) => isTrue[i] === kind);
      const pairs = of(true).flatMap((a) => of(false).map((b) => (a > b ? 1 : a === b ? 0.5 : 0)));
      const share = pairs.reduce<number>((total, pair) => total + pair, 0) / pairs.length;
      expect(rocAuc({ scores, isTrue })).toBeCloseTo(share, 10);
      expect(rocAuc({ scores: scores.map((score) => score ** 3), isTrue })).toBeCloseTo(share, 10);
      expect(rocAuc({ scores, isTrue: isTrue.map((one) => !one) })).toBeCloseTo(1 - share, 10);
    }),
  );
});

test('the area under the ROC curve is NaN unless both outcomes occur', () => {
  expect(rocAuc({ scores: [0.2, 0.9], isTrue: [true, true] })).toBeNaN();
});

test('the calibration curve counts every case once, and the error is 0 if scores equal the observed shares', () => {
  fc.assert(
    fc.property(predictions, ({ scores, isTrue }) => {
      const curve = calibrationCurve({ scores, isTrue });
      expect(curve.reduce((total, { count }) => total + count, 0)).toBe(scores.length);
      const error = calibrationError({ scores, isTrue });
      expect(error).toBeGreaterThanOrEqual(0);
      expect(error).toBeLessThanOrEqual(1);
    }),
  );
  const scores = [0.25, 0.25, 0.25, 0.25, 1];
  expect(calibrationError({ scores, isTrue: [true, false, false, false, true] })).toBe(0);
  expect(calibrationError({ scores, isTrue: [false, false, false, false, true] })).toBeCloseTo(0.2, 12);
});
