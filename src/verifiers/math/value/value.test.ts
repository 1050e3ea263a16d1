import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BudgetExceeded, createBudget } from '../budget.ts';
import * as complex from './complex.ts';
import { factorialOf, logGamma } from './gamma.ts';
import {
  addRationals,
  compareRationals,
  logOfRational,
  multiplyRationals,
  powerRational,
  rational,
  rootRational,
  sameRational,
  toNumber,
  wholeNumber,
} from './rational.ts';

const budget = createBudget(1e9);
const fraction = fc
  .tuple(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), fc.bigInt({ min: 1n, max: 10n ** 6n }))
  .map(([top, bottom]) => rational(top, bottom)!);

test('fractions satisfy the field axioms and have the same order as their doubles', () => {
  fc.assert(
    fc.property(fraction, fraction, fraction, (a, b, c) => {
      const left = multiplyRationals(a, addRationals(b, c, budget)!, budget)!;
      const right = addRationals(multiplyRationals(a, b, budget)!, multiplyRationals(a, c, budget)!, budget)!;
      expect(sameRational(left, right)).toBe(true);
      expect(Math.sign(compareRationals(a, b))).toBe(-Math.sign(compareRationals(b, a)) + 0);
      expect(toNumber(a)).toBeCloseTo(Number(a.numerator) / Number(a.denominator), 6);
    }),
  );
});

test('powers and roots are inverses of each other, and only perfect powers have a root', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 2n, max: 10n ** 9n }),
      fc.bigInt({ min: 1n, max: 99n }),
      fc.bigInt({ min: 2n, max: 7n }),
      (top, bottom, degree) => {
        const base = rational(top, bottom)!;
        const power = powerRational(base, degree, budget)!;
        expect(sameRational(rootRational(power, degree, budget)!, base)).toBe(true);
        expect(rootRational(rational(power.numerator + 1n)!, degree, budget)).toBeUndefined();
      },
    ),
  );
});

test('results that are too long are not computed, and excessive work exhausts the budget', () => {
  expect(powerRational(rational(3n)!, 10n ** 9n, budget)).toBeUndefined();
  expect(powerRational(rational(-1n)!, 10n ** 40n + 1n, budget)).toEqual(rational(-1n));
  expect(powerRational(rational(0n)!, -1n, budget)).toBeUndefined();
  expect(() => powerRational(rational(3n)!, 90_000n, createBudget(10))).toThrow(BudgetExceeded);
});

test('huge and tiny fractions keep their magnitude', () => {
  const tiny = rational(1n, 10n ** 400n)!;
  expect(logOfRational(tiny)).toBeCloseTo(-400 * Math.LN10, 6);
  expect(toNumber(rational(10n ** 400n, 10n ** 399n)!)).toBeCloseTo(10, 12);
  expect(wholeNumber(rational(6n, 3n))).toBe(2n);
  expect(wholeNumber(rational(7n, 3n))).toBeUndefined();
});

test('the error estimate covers the true error', () => {
  const sum = complex.add(complex.real(0.1), complex.real(0.2));
  expect(Math.abs(sum.re - 0.3)).toBeLessThanOrEqual(sum.error);
  const sine = complex.sine(complex.real(Math.PI));
  expect(Math.abs(sine.re)).toBeLessThanOrEqual(sine.error);
  expect(complex.exponential(complex.real(-100)).error).toBeLessThan(1e-55);
  expect(complex.power(complex.real(2), complex.real(10))).toEqual({ re: 1024, im: 0, error: 0 });
});

test('complex functions satisfy their identities', () => {
  const number = fc.double({ min: -3, max: 3, noNaN: true });
  fc.assert(
    fc.property(number, number, (re, im) => {
      const z = { re, im, error: 0 };
      const one = complex.add(
        complex.power(complex.sine(z), complex.real(2)),
        complex.power(complex.cosine(z), complex.real(2)),
      );
      expect(complex.isClose(one, complex.real(1), 1e-9) || complex.modulus(complex.sine(z)) > 1e3).toBe(
        true,
      );
      const back = complex.exponential(complex.logarithm(z));
      expect(complex.modulus(z) < 1e-3 || complex.isClose(back, z, 1e-12)).toBe(true);
    }),
  );
});

test('the gamma function agrees with factorials', () => {
  for (let n = 1; n <= 20; n++) expect(Math.exp(logGamma(n + 1)) / factorialOf(n)).toBeCloseTo(1, 12);
  expect(factorialOf(0.5)).toBeCloseTo(Math.sqrt(Math.PI) / 2, 13);
  expect(factorialOf(-1)).toBeNaN();
});
