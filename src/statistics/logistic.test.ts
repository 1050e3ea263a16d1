import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../core/rng.ts';
import { fitLogistic, logOdds } from './logistic.ts';

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const number = fc.double({ min: -3, max: 3, noNaN: true });
const row = fc.record({ x: number, z: number, share: unit, weight: unit });

test('the gradient of the penalised log-likelihood is 0 at the fitted coefficients', () => {
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 40 }),
      fc.double({ min: 0.1, max: 5, noNaN: true }),
      (rows, ridge) => {
        const columns = [rows.map(({ x }) => x), rows.map(({ z }) => z)];
        const shares = rows.map(({ share }) => share);
        const weights = rows.map(({ weight }) => weight);
        const fit = fitLogistic({ columns, shares, weights }, ridge);
        // The prior of the intercept: half a success and half a failure.
        const base = 1 / (1 + Math.exp(-fit.intercept)) - 0.5;
        const gradient = [base, ridge * fit.slopes[0]!, ridge * fit.slopes[1]!];
        for (const { x, z, share, weight } of rows) {
          const slack = weight * (1 / (1 + Math.exp(-logOdds(fit, [x, z]))) - share);
          gradient[0]! += slack;
          gradient[1]! += slack * x;
          gradient[2]! += slack * z;
        }
        for (const one of gradient) expect(Math.abs(one)).toBeLessThan(1e-6);
      },
    ),
  );
});

test('recovers the coefficients that generated the outcomes', () => {
  const rng = createRng(3, 'logistic');
  const x = Float64Array.from({ length: 20_000 }, () => 4 * rng.next() - 2);
  const shares = x.map((one) => Number(rng.next() < 1 / (1 + Math.exp(1 - 2 * one))));
  const { intercept, slopes } = fitLogistic({ columns: [x], shares }, 1);
  expect(intercept).toBeCloseTo(-1, 1);
  expect(slopes[0]).toBeCloseTo(2, 1);
});

test('coefficients stay finite if a column separates the outcomes or repeats another, or if nothing is observed', () => {
  const separated = fitLogistic({ columns: [[-1, 1, -1, 1]], shares: [0, 1, 0, 1] }, 1);
  expect(Number.isFinite(separated.slopes[0])).toBe(true);
  const twice = fitLogistic(
    {
      columns: [
        [-1, 1, 2],
        [-1, 1, 2],
      ],
      shares: [0, 1, 0.5],
    },
    0,
  );
  expect([...twice.slopes, twice.intercept].every(Number.isFinite)).toBe(true);
  expect(fitLogistic({ columns: [[]], shares: [] }, 1)).toEqual({ intercept: 0, slopes: [0] });
});
