import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastProgram } from './extract-answer.ts';

test('returns the program and its span', () => {
  const piece = fc.constantFrom('{', '5', ' ', '</think>', '```js\n', '```', '\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const completion = pieces.join('');
      const { text, start, end } = lastProgram(completion, ['js']);
      expect(completion.slice(start, end)).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test('reads only the end of a very long completion', () => {
  expect(lastProgram(`\`\`\`js\nx=>1\n\`\`\`${' '.repeat(9000)}`, ['js']).text.trim()).toBe('');
});

test.each([
  ['x=>1', 'x=>1'],
  ['<think>x=>0</think>x=>1', 'x=>1'],
  ['Here:\n```js\nx=>1\n```\ndone', 'x=>1\n'],
  ['```js\nx=>1\n```\n```js\nx=>2\n```', 'x=>2\n'],
  ['```js\nx=>1\n```\n```python\npass\n```', 'x=>1\n'],
  ['```\nx=>1\n```', 'x=>1\n'],
  ['```js\nx=>1', 'x=>1'],
])('extracts from %j the program %j', (completion, program) => {
  expect(lastProgram(completion, ['js', 'javascript']).text).toBe(program);
});
