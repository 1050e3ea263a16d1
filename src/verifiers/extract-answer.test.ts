import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastBoxed, lastProgram } from './extract-answer.ts';

test.each([
  ['so \\boxed{5}.', '5'],
  ['\\boxed{1} no, \\boxed{2}', '2'],
  ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
  ['\\boxed{\\boxed{7}}', '7'],
  ['\\boxed {7}', '7'],
  ['\\fbox{7}', '7'],
  ['\\boxed{1} \\boxed{2', '1'],
  ['\\boxed{\\{1,2\\}}', '\\{1,2\\}'],
  ['{ \\boxed{3} }', '3'],
  ['<think>\\boxed{1}</think> \\boxed{2}', '2'],
  ['<think>\\boxed{1}</think> 2', undefined],
  ['\\boxed5', undefined],
  ['boxed{5}', undefined],
  ['\\\\boxed{5}', undefined],
  ['', undefined],
])('the box of %j holds %j', (completion, content) => {
  expect(lastBoxed(completion)?.text).toBe(content);
});

test('only the end of a very long completion is read', () => {
  expect(lastBoxed(`\\boxed{1}${' '.repeat(9000)}`)).toBeUndefined();
});

test('thousands of unclosed boxes take no time', () => {
  const started = performance.now();
  for (let i = 0; i < 100; i++) lastBoxed('\\boxed{'.repeat(20_000));
  expect(performance.now() - started).toBeLessThan(2000);
});

test('every extract is what its span holds', () => {
  const piece = fc.constantFrom('\\boxed{', '{', '}', '\\', '5', ' ', '</think>', '```js\n', '```', '\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const completion = pieces.join('');
      const found = [lastBoxed(completion), lastProgram(completion, ['js'])].filter(
        (one) => one !== undefined,
      );
      expect(found.map(({ start, end }) => completion.slice(start, end))).toEqual(
        found.map(({ text }) => text),
      );
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['x=>1', 'x=>1'],
  ['<think>x=>0</think>x=>1', 'x=>1'],
  ['Here:\n```js\nx=>1\n```\ndone', 'x=>1\n'],
  ['```js\nx=>1\n```\n```js\nx=>2\n```', 'x=>2\n'],
  ['```js\nx=>1\n```\n```python\npass\n```', 'x=>1\n'],
  ['```\nx=>1\n```', 'x=>1\n'],
  ['```js\nx=>1', 'x=>1'],
])('the program of %j is %j', (completion, program) => {
  expect(lastProgram(completion, ['js', 'javascript']).text).toBe(program);
});
