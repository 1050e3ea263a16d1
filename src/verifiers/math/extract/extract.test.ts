import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeUnder } from '../../../../bench/math/judge.ts';
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
  ['\\boxed{1} \\boxed{2', undefined],
  ['\\boxed{42}. No wait, the final is \\boxed{', undefined],
  ['So it is \\boxed{4}. Rechecking: \\boxed{42', undefined],
  ['the answer is \\boxed{4', undefined],
  ['\\boxed{9} at first, then \\boxed{\\{1,2\\}', undefined],
  ['\\boxed{42} and then \\boxed{}', ''],
  ['\\boxed{7}} extra brace', '7'],
  ['{ \\boxed{7}', '7'],
  ['\\boxed{4. Rechecking \\boxed{42}', '42'],
  ['\\boxed{185\\}', '185\\'],
  ['<think>\\boxed{1}</think> \\boxed{2}', '2'],
  ['\\boxed{255} first. Final Answer: The final answer is $10,455$. I hope it is correct.', '10,455'],
  ['\\boxed{3}<|im_end|>\\boxed{4}', '3'],
  ['\\boxed{5}. I hope this answer is helpful!', '5'],
  ['\\boxed{5}. If you need another answer: ask 3 more questions.', '5'],
])('the answer in %j is %j', (completion, answer) => {
  expect(extract(completion)).toBe(answer);
});

test.each([
  ['<answer>42</answer>', '42'],
  ['<answer>1</answer> hmm <answer> 42 </answer>', '42'],
  ['<answer>41</answer> so 42', '41'],
  ['\\boxed{41} <answer>\\boxed{42}</answer>', '42'],
  ['<answer>42</answer> \\boxed{41}', '42'],
  ['<Answer>The answer is $\\frac12$.</Answer>', '\\frac12'],
  ['<answer>no solution</answer>', 'no solution'],
  ['<answer>41</answer> or rather <answer>4', undefined],
  ['<answer>so we get \\boxed{4</answer>', undefined],
])('the last answer tag in %j contains %j', (completion, answer) => {
  expect(extract(completion)).toBe(answer);
  expect(extract(completion, 'marked')).toBe(answer);
});

test('if only boxes count, requires a box, with or without an answer tag', () => {
  expect(extract('<answer>42</answer>', 'boxed')).toBeUndefined();
  expect(extract('\\boxed{41} <answer>\\boxed{42}</answer> \\boxed{43}', 'boxed')).toBe('42');
  expect(extract('\\boxed{41} <answer>42</answer>', 'boxed')).toBe('41');
});

test.each([
  ['答案是42', '42'],
  ['所以，答案为18。', '18'],
  ['【答案】42', '42'],
  ['故答案为：42。', '42'],
  ['故选B。', 'B'],
  ['正确答案是 B', 'B'],
  ['答：一共有42个苹果。', '42个苹果'],
  ['Réponse : 42', '42'],
  ['答え：42', '42'],
  ['Antwort: 42', '42'],
  ['The best answer is D.', 'D'],
  ['The correct option is D because A is wrong.', undefined],
  ['Dieses Problem hat keine Antwort', undefined],
])('the answer marker in %j yields %j', (completion, answer) => {
  expect(extract(completion, 'marked')).toBe(answer);
});

test.each([
  ['it took 5 billion years', '5 billion'],
  ['they met at 10:30 pm', '10:30 pm'],
  ['born on 2024-04-22', '2024-04-22'],
  ['it needs 3 1/2 cups', '3 1/2'],
  ['about 3.2×10⁻⁴ of it', '3.2×10⁻⁴'],
  ['so we get 2√5', '2√5'],
  ['so we get 10^-4', '10^-4'],
  ['it took her two or 5 and a half', '5 1/2'],
  ['at 192.168.0.1', '192.168.0.1'],
  ['the slope is 2x', undefined],
  ['the value of x/2', undefined],
  ['他有3万', '3万'],
  ['she read the pages 10-20', '10-20'],
])('extracts the complete number, not a part of it, from %j: %j', (completion, answer) => {
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
])('the English answer marker in %j yields %j', (completion, answer) => {
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
])('the last formula or number in %j is %j', (completion, answer) => {
  expect(extract(completion)).toBe(answer);
});

test('reads only the end of a long completion, and limits the length of an answer', () => {
  expect(extract(`\\boxed{1}${' '.repeat(maxScanned)}`)).toBeUndefined();
  expect(extract(`\\boxed{${'1'.repeat(1001)}}`)).toBeUndefined();
});

test('boxes joined by a connector such as "or" are one answer, which no single box equals', async () => {
  const judge = judgeUnder();
  const number = fc.integer({ min: -99, max: 99 }).map(String);
  const joint = fc.constantFrom(' or ', ' and ', ', ', '$ or $', '\\) and \\(x_2 = ', ' 或 ');
  const isCorrect = async (gold: string, completion: string): Promise<boolean> =>
    (await judge(gold, completion)).outcome === 'correct';
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(number, { minLength: 2, maxLength: 4 }), joint, async (items, gap) => {
      const completion = `So ${items.map((item) => `\\boxed{${item}}`).join(gap)}.`;
      expect(await isCorrect(items.join(', '), completion)).toBe(true);
      for (const item of items) expect(await isCorrect(item, completion)).toBe(false);
    }),
  );
});

test('the span of an answer in the completion contains the text of the answer', () => {
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
