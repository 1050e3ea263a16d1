import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastBoxed, onlyGold } from './golds.ts';

test.each([
  ['First \\boxed{5}, then \\fbox{7}.', '7'],
  ['So $x=\\boxed 3$.', '3'],
  ['So $\\boxed 42 $, qed', '42'],
  ['\\(\\boxed \\frac12\\)', '\\frac12'],
  ['$\\boxed{\\frac{1}{2}}$', '\\frac{1}{2}'],
  ['\\boxed{\\{x^{2}\\}}', '\\{x^{2}\\}'],
  ['\\framebox{9}', '9'],
  ['The answer is \\boxed 7.', '7'],
  ['\\boxed{3} and then \\boxed{4', undefined],
  ['\\boxed{}', undefined],
  ['\\boxedtimes', undefined],
  ['$\\boxed{2}$ or $\\boxed{3}$', '2 or 3'],
  ['$x_1=\\boxed{2}$, $x_2=\\boxed{-2}$', '2, -2'],
  ['\\boxed{1}, \\boxed{2} and \\boxed{1}', '2, 1'],
  ['\\boxed{2}. Checking once more gives \\boxed{3}', '3'],
  ['\\boxed{x=\\boxed{3}}', '3'],
  ['\\boxed{2} or \\boxed{', undefined],
])('extracts the gold from the boxes in %s: %s', (text, expected) => {
  expect(lastBoxed(text)).toBe(expected);
});

test('boxes joined by a connector such as "or" are one gold; other boxes are not', () => {
  const number = fc.integer({ min: -99, max: 99 }).map(String);
  const joints = [' or ', ' and ', ', ', '$ or $', '\\) and \\(x_2 = ', ' \\quad \\text{or} \\quad '];
  const breaks = ['. Then ', '\n\n', ' is wrong, it must be ', ` ${'so '.repeat(20)}`];
  fc.assert(
    fc.property(
      fc.uniqueArray(number, { minLength: 2, maxLength: 4 }),
      fc.constantFrom(...joints),
      (golds, joint) => {
        const connector = joint.includes('or') ? ' or ' : ', ';
        expect(lastBoxed(golds.map((gold) => `\\boxed{${gold}}`).join(joint))).toBe(golds.join(connector));
      },
    ),
  );
  fc.assert(
    fc.property(number, number, fc.constantFrom(...breaks), (first, last, gap) => {
      expect(lastBoxed(`\\boxed{${first}}${gap}\\boxed{${last}}`)).toBe(last);
    }),
  );
});

test.each<[unknown, unknown]>([
  ['3', '3'],
  [3n ** 50n, 3n ** 50n],
  [['3'], '3'],
  ['["\\\\frac{1}{2}"]', '\\frac{1}{2}'],
  ["['3']", '3'],
  ['"3"', '3'],
  ['{"answer": "3"}', '3'],
  [{ ground_truth: ['3'] }, '3'],
  ['[3]', 3],
  ['"[\\"3\\"]"', '3'],
  ['[1, 2]', '[1, 2]'],
  ['[0, \\infty)', '[0, \\infty)'],
  ['{1, 2}', '{1, 2}'],
  ['{3}', '{3}'],
  ['\\{"a"\\}', '\\{"a"\\}'],
])('the gold of %o is %o', (value, expected) => {
  expect(onlyGold(value, 'answer')).toEqual(expected);
});

test.each<[unknown, string]>([
  [['1', '2'], 'column "answer": expected one gold answer, got 2'],
  [[], 'column "answer": expected one gold answer, got 0'],
  ['["1", "2"]', 'column "answer": expected one gold answer, got 2'],
  ['{"inputs": ["1"], "outputs": ["2"]}', 'column "answer": expected an answer, got an object: {"inputs"'],
  ["{'x': 1, 'y': 2}", 'column "answer": expected an answer, got an object'],
  [{ x: 2n ** 70n }, 'got an object: {"x":1180591620717411303424}'],
])('%o is not a gold answer', (value, message) => {
  expect(() => onlyGold(value, 'answer')).toThrow(message);
});
