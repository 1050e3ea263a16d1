import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Problem } from '../core/problem.ts';
import { boxedMath } from './boxed-math.ts';
import { openVerifier } from './config.ts';
import { sameAnswer } from './exact-number.ts';

const verifier = openVerifier(boxedMath());
const problem = (answer?: string): Problem => ({
  id: 'p',
  domain: 'math',
  prompt: [],
  source: 'test.jsonl',
  ...(answer === undefined ? {} : { answer }),
});

test('a verdict says what was found and where', async () => {
  const verdict = await verifier.verify(problem('1/2'), 'so \\boxed{0.50}.');
  expect(verdict).toEqual({
    outcome: 'correct',
    score: 1,
    reason: '0.50 is 1/2',
    verifier: 'boxed-math@1',
    evidence: { extracted: '0.50', gold: '1/2', span: [10, 14] },
  });
  expect(await verifier.verify(problem('5'), '\\boxed{6}')).toMatchObject({
    outcome: 'incorrect',
    score: 0,
    reason: '6 is not 5',
  });
  expect(await verifier.verify(problem('5'), '5')).toMatchObject({ outcome: 'unparsed', score: 0 });
  expect(await verifier.verify(problem('5'), '\\boxed{ }')).toMatchObject({ outcome: 'unparsed' });
});

test('a problem without a gold answer is refused by name', () => {
  expect(() => verifier.check(problem())).toThrow('problem p (test.jsonl): expected a gold answer, got none');
  expect(() => verifier.check(problem(' '))).toThrow('got " "');
  expect(() => verifier.check(problem('7'))).not.toThrow();
});

test.each([
  ['5', '5.0', true],
  ['-5', '+5', false],
  ['05', '5', true],
  ['1,000', '1000', true],
  ['1/2', '0.5', true],
  ['\\frac{2}{4}', '1/2', true],
  ['\\dfrac{-1}{2}', '-0.5', true],
  ['-\\frac{1}{2}', '-.5', true],
  ['$5$', '5', true],
  ['x=5', '5', true],
  ['5.', '5', true],
  ['-0', '0', true],
  ['1/3', '0.333', false],
  ['1/0', '1/0', true],
  ['1/0', '2/0', false],
  ['5!', '120', false],
  ['9^{9^9}', '9^{9^9}', true],
  ['0.1', '0.10000000000000000001', false],
  ['\\text{no}', '\\text{no}', true],
  ['2', '02.00', true],
  ['1,00', '100', false],
])('%s and %s: %s', (one, other, same) => {
  expect(sameAnswer(one, other)).toBe(same);
  expect(sameAnswer(other, one)).toBe(same);
});

test('fractions are equal exactly when they cross-multiply to the same', () => {
  const whole = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
  const positive = fc.bigInt({ min: 1n, max: 10n ** 30n });
  fc.assert(
    fc.property(whole, positive, whole, positive, (a, b, c, d) => {
      expect(sameAnswer(`${a}/${b}`, `${c}/${d}`)).toBe(a * d === c * b);
      expect(sameAnswer(`${a}/${b}`, `\\frac{${a * d}}{${b * d}}`)).toBe(true);
    }),
  );
});

test('no text makes it throw or hang', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (text) => {
      await verifier.verify(problem('1'), `\\boxed{${text}}`);
      expect(sameAnswer(text, text)).toBe(true);
    }),
  );
  expect(sameAnswer('9'.repeat(100_000), '1')).toBe(false);
});
