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
])('%s holds %s', (text, expected) => {
  expect(lastBoxed(text)).toBe(expected);
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
])('%o is no gold answer', (value, message) => {
  expect(() => onlyGold(value, 'answer')).toThrow(message);
});
