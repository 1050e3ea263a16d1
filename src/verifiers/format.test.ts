import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { mathProblem } from '../testing/index.ts';
import { format, formatConfig, openFormat } from './format.ts';

const faultOf = async (completion: string, options: Parameters<typeof format>[0] = {}) => {
  const verdict = await openFormat(formatConfig.parse(format(options))).verify(
    mathProblem({ id: 'p', answer: '1' }),
    completion,
  );
  expect(verdict.score).toBe(verdict.outcome === 'correct' ? 1 : 0);
  return verdict.outcome === 'correct' ? undefined : verdict.reason;
};

test.each([
  ['<think>a</think><answer>b</answer>', undefined],
  [' <think>a</think>\n<answer>b</answer>\n', undefined],
  ['<think>a < b</think><answer>{"x": "<b>"}</answer>', undefined],
  ['<answer>b</answer>', '<think> is missing'],
  ['<think>a<answer>b</answer>', '<think> is not closed'],
  ['</think><think>a<answer>b</answer>', '<think> is not closed'],
  ['<think> </think><answer>b</answer>', '<think> is empty'],
  ['<think>a</think> so <answer>b</answer>', 'unexpected text before <answer>'],
  ['well <think>a</think><answer>b</answer>', 'unexpected text before <think>'],
  ['<answer>b</answer><think>a</think>', 'unexpected text before <think>'],
  ['<think>a<answer>b</answer></think>', 'unexpected text before <answer>'],
  ['<think>a</think><answer>b</answer> bye', 'unexpected text after </answer>'],
  ['<think>a</think><answer>b</answer><answer>c</answer>', '<answer> occurs more than once'],
])('the fault in %j is %j', async (completion, fault) => {
  expect(await faultOf(completion)).toBe(fault);
});

test('supports prompt templates that open the thinking, and answers without tags', async () => {
  const deepseek = { tags: ['think'], isOpened: true, textAfter: 'required' } as const;
  expect(await faultOf('a</think>b', { ...deepseek, tags: [...deepseek.tags] })).toBeUndefined();
  expect(await faultOf('a</think> ', { ...deepseek, tags: [...deepseek.tags] })).toMatch(
    'expected text after',
  );
  expect(() => formatConfig.parse(format({ tags: ['<b>'] }))).toThrow('name of a tag');
});

test('accepts only the required arrangement of tags', async () => {
  const piece = fc.constantFrom('<think>', '</think>', '<answer>', '</answer>', 'a', ' ');
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
      const isRight = /^\s*<think>[a\s]*a[a\s]*<\/think>\s*<answer>[a\s]*a[a\s]*<\/answer>\s*$/.test(
        pieces.join(''),
      );
      expect((await faultOf(pieces.join(''))) === undefined).toBe(isRight);
    }),
    { numRuns: 2000, examples: [[['<think>', 'a', '</think>', '<answer>', 'a', '</answer>']]] },
  );
});

test.each([
  ['one\n\n<go>two\n\n<back> three', undefined],
  ['one', undefined],
  ['one\n\ntwo', 'step 2: expected it to begin with one of <go> <back>'],
  ['one <back> two', 'step 1: <back> does not begin a step'],
  ['<go>one\n\n<go><back>two', 'step 2: <back> does not begin a step'],
  ['one\n\n<go> ', 'step 2 is empty'],
  ['', 'step 1 is empty'],
])('with actions, the fault in %j is %j', async (completion, fault) => {
  expect(await faultOf(completion, { actions: { tokens: ['<go>', '<back>'] } })).toBe(fault);
});

test('with actions, the config must list a token', async () => {
  const actions = { tokens: ['<go>', '<back>'], separator: '\n', required: ['<back>'] };
  expect(await faultOf('one\n<go>two', { actions })).toBe('<back> is missing');
  expect(await faultOf('one\n<back>two', { actions })).toBeUndefined();
});
