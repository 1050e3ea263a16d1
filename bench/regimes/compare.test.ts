import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CurvePoint,
  evaluationSpacing,
  monotone,
  outcomeOf,
  rolloutsToReach,
  speedOf,
} from './compare.ts';

const budget = 6 * evaluationSpacing;
/** Makes a curve that is evaluated every `evaluationSpacing` rollouts. */
const curveOf = (...accuracies: number[]): CurvePoint[] =>
  accuracies.map((accuracy, i) => ({ rollouts: i * evaluationSpacing, accuracy }));
const anyCurve = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 7, maxLength: 7 })
  .map((accuracies) => curveOf(...accuracies));

describe('outcomeOf', () => {
  test('returns the mean of the last three evaluations within the budget', () => {
    expect(outcomeOf(curveOf(0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6), budget)).toBeCloseTo(0.5, 12);
    expect(outcomeOf(curveOf(0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6, 1, 1), budget)).toBeCloseTo(0.5, 12);
  });

  test('interpolates linearly for a run that was evaluated at other points', () => {
    const uneven = [0, 3000, 9000, 14_000].map((rollouts) => ({ rollouts, accuracy: rollouts / 20_000 }));
    expect(outcomeOf(uneven, budget)).toBeCloseTo((budget - evaluationSpacing) / 20_000, 12);
  });
});

describe('monotone', () => {
  test('pools adjacent values that decrease', () => {
    expect(monotone(curveOf(1, 3, 2, 4)).map(({ accuracy }) => accuracy)).toEqual([1, 2.5, 2.5, 4]);
  });

  test('never decreases, keeps the mean, and is nearer to the curve than any other non-decreasing curve', () => {
    fc.assert(
      fc.property(anyCurve, anyCurve, (curve, other) => {
        const fitted = monotone(curve).map(({ accuracy }) => accuracy);
        const raw = curve.map(({ accuracy }) => accuracy);
        const rising = other.map(({ accuracy }) => accuracy).toSorted((a, b) => a - b);
        const distance = (values: number[]): number =>
          values.reduce((sum, value, i) => sum + (value - raw[i]!) ** 2, 0);
        expect(fitted.every((value, i) => i === 0 || value >= fitted[i - 1]! - 1e-12)).toBe(true);
        expect(fitted.reduce((a, b) => a + b)).toBeCloseTo(
          raw.reduce((a, b) => a + b),
          9,
        );
        expect(distance(fitted)).toBeLessThanOrEqual(distance(rising) + 1e-9);
      }),
    );
  });
});

describe('speedOf', () => {
  test('is 2 for a run that learns as much in half the rollouts', () => {
    const slow = curveOf(0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6);
    const fast = curveOf(0, 0.2, 0.4, 0.6, 0.8, 1, 1);
    expect(speedOf(fast, slow, budget)).toBeCloseTo(2, 9);
    expect(speedOf(slow, fast, budget)).toBeLessThan(1);
  });

  test('is 1 for equal runs, and inverse when the runs are swapped', () => {
    fc.assert(
      fc.property(anyCurve, anyCurve, (one, other) => {
        expect(speedOf(one, one, budget)).toBe(1);
        expect(speedOf(one, other, budget) * speedOf(other, one, budget)).toBeCloseTo(1, 6);
      }),
    );
  });

  test('is 1 when a run learns nothing', () => {
    expect(speedOf(curveOf(0.1, 0, 0, 0, 0, 0, 0), curveOf(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), budget)).toBe(
      1,
    );
  });

  test('rolloutsToReach lies between the evaluations around the accuracy', () => {
    expect(rolloutsToReach(curveOf(0, 0.2, 0.4), 0.3)).toBeCloseTo(1.5 * evaluationSpacing, 9);
    expect(rolloutsToReach(curveOf(0, 0.2, 0.4), 0.9)).toBe(2 * evaluationSpacing);
  });
});
