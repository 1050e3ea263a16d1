import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPlainAnswer } from '../answer.ts';
import { extractAnswer, maxScanned } from './extract.ts';

function extract(
  completion: string,
  extraction: 'boxed' | 'marked' | 'anywhere' = 'anywhere',
): string | undefined {
  return extractAnswer(completion, extraction, isPlainAnswer)?.text;
}

test.each([
  ['so \\boxed{5}.', '5'],
  ['\\boxed{1} no, wait: it must be \\boxed{2}', '2'],
  ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
  ['\\fbox{7} and the rest', '7'],
  ['\\boxed {7}', '7'],
  ['\\boxed 7 units', '7'],
  ['\\\\boxed{7}', '7'],
  ['\\boxed{\\{1,2\\}}', '\\{1,2\\}'],
  ['\\boxed{1} and \\boxed{2}', '1, 2'],
  ['\\boxed{1} no no no no no \\boxed{2}', '2'],
  ['\\boxed{3}, so the answer is \\boxed{7}', '7'],
  ['**\\boxed{5}**', '5'],
  ['\\boxed{1} \\boxed{2', '1'],
  ['\\boxed{185\\}', '185\\'],
  ['<think>\\boxed{1}</think> \\boxed{2}', '2'],
  ['\\boxed{255} first. Final Answer: The final answer is $10,455$. I hope it is correct.', '10,455'],
  ['\\boxed{3}<|im_end|>\\boxed{4}', '3'],
  ['\\boxed{5}. I hope this answer is helpful!', '5'],
  ['\\boxed{5}. If you need another answer: ask 3 more questions.', '5'],
])('of %j the answer is %j', (completion, answer) => {
  expect(extract(completion)).toBe(answer);
});

test.each([
  ['The final answer is 42.', '42'],
  ['**Final Answer:** \\(x = 3\\)', 'x = 3'],
  ['#### 1,234', '1,234'],
  ['Answer: 3/4 of them', '3/4 of them'],
  ['The answer depends on n.', undefined],
  ['The answer is 7, which is easy to see since 8 > 2.', '7'],
  ['The answer is yes. I hope this answer is helpful.', 'yes'],
  ['x is 5', undefined],
])('after a marker in %j stands %j', (completion, answer) => {
  expect(extract(completion, 'marked')).toBe(answer);
  expect(extract(completion, 'boxed')).toBeUndefined();
});

test.each([
  ['x + 1', 'x + 1'],
  ['Thus $x \\le 2$ holds.', 'x \\le 2'],
  ['in the end 28 percent', '28\\%'],
  ['the number is not 10 but -1,000.99€', '-1,000.99'],
  ['nothing at all', undefined],
  ['cut off at \\boxed{12', undefined],
  ['in mp3 or h264 form', undefined],
  ['<think>5</think>', undefined],
])('anywhere in %j there is %j', (completion, answer) => {
  expect(extract(completion)).toBe(answer);
});

test('only the end of a long completion is read, and no answer is longer than an answer', () => {
  expect(extract(`\\boxed{1}${' '.repeat(maxScanned)}`)).toBeUndefined();
  expect(extract(`\\boxed{${'1'.repeat(1001)}}`)).toBeUndefined();
});

test('the span of an answer holds its text', () => {
  const piece = fc.constantFrom(
    '\\boxed{',
    '\\boxed',
    '{',
    '}',
    '\\',
    '5',
    ' ',
    '$',
    'answer is ',
    '</think>',
    '\n',
    '%',
    'so',
    '.',
    '\\(',
    '\\)',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 50 }), (pieces) => {
      const completion = pieces.join('');
      const found = extractAnswer(completion, 'anywhere', isPlainAnswer);
      fc.pre(found !== undefined);
      expect(found.start).toBeGreaterThanOrEqual(0);
      expect(found.end).toBeLessThanOrEqual(completion.length);
      const isJoined = found.by === 'box' && found.text.includes(', ');
      const isReworded = found.by === 'marker' || found.by === 'last formula or number';
      fc.pre(!isJoined && !isReworded);
      expect(completion.slice(found.start, found.end)).toBe(found.text);
    }),
    { numRuns: 1000 },
  );
});
