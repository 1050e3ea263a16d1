import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAnswer } from '../answer.ts';
import { createBudget } from '../budget.ts';
import { add, divide, fromNumber, leadingBit, multiply, negate, squareRoot, toDouble } from './big-float.ts';
import { arctangent, exponential, logarithm, sineAndCosine } from './big-functions.ts';
import { sameRealValue } from './precise.ts';

const same = (a: string, b: string): boolean | undefined =>
  sameRealValue(readAnswer(a).node, readAnswer(b).node, createBudget(1_000_000));

test.each([
  ['\\ln(2^{5000})', '5000\\ln 2'],
  ['\\sqrt{2}+\\sqrt{3}', '\\sqrt{5+2\\sqrt{6}}'],
  ['\\sin(\\pi/12)', '\\frac{\\sqrt6-\\sqrt2}{4}'],
  ['\\sqrt{10^{40}+1}-10^{20}', '\\frac{1}{\\sqrt{10^{40}+1}+10^{20}}'],
  ['4\\arctan(1/5)-\\arctan(1/239)', '\\frac{\\pi}{4}'],
  ['\\log_2 3\\cdot\\log_3 2', '1'],
  ['\\arccos(-1)', '\\pi'],
  ['e^{2000}', '(e^{1000})^2'],
  ['\\sqrt[3]{-8}', '-2'],
])('%s equals %s', (a, b) => {
  expect(same(a, b)).toBe(true);
});

test.each([
  ['\\sinh 40', '\\cosh 40'],
  ['\\sinh 900', '\\cosh 900'],
  ['\\sinh 100000', '\\cosh 100000'],
  ['e^{50}+1', 'e^{50}'],
  ['\\tanh 50', '1'],
  ['\\cos(10^{-20})', '1'],
  ['\\arctan(10^{20})', '\\frac{\\pi}{2}'],
  ['e^{\\pi\\sqrt{163}}', '262537412640768744'],
  ['(1+\\sqrt2)^{100}+(1-\\sqrt2)^{100}', '(1+\\sqrt2)^{100}'],
  ['\\ln(2^{1000}+1)', '1000\\ln 2'],
])('%s differs from %s', (a, b) => {
  expect(same(a, b)).toBe(false);
});

test('high-precision functions agree with doubles, and with their inverses to 300 bits', () => {
  const bits = 300;
  const moderate = fc.double({ min: -40, max: 40, noNaN: true }).filter((x) => Math.abs(x) > 1e-6);
  fc.assert(
    fc.property(moderate, (x) => {
      const long = fromNumber(x);
      const power = exponential(long, bits)!;
      const { sine, cosine } = sineAndCosine(long, bits)!;
      expect(toDouble(power) / Math.exp(x)).toBeCloseTo(1, 12);
      expect(toDouble(sine)).toBeCloseTo(Math.sin(x), 12);
      expect(toDouble(cosine)).toBeCloseTo(Math.cos(x), 12);
      expect(toDouble(arctangent(long, bits))).toBeCloseTo(Math.atan(x), 12);
      const wrong = (found: typeof long, right: typeof long): number =>
        leadingBit(add(found, negate(right), 2 * bits)) - leadingBit(right);
      expect(wrong(logarithm(power, bits), long)).toBeLessThan(40 - bits);
      const root = squareRoot(multiply(long, long, 4 * bits), bits);
      expect(wrong(root, x < 0 ? negate(long) : long)).toBeLessThan(8 - bits);
      const one = add(multiply(sine, sine, bits), multiply(cosine, cosine, bits), bits);
      expect(wrong(one, fromNumber(1))).toBeLessThan(16 - bits);
      expect(wrong(multiply(divide(long, power, bits), power, bits), long)).toBeLessThan(8 - bits);
    }),
    { numRuns: 200 },
  );
});
