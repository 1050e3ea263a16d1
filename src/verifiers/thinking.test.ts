import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerStart } from './thinking.ts';

const answerIn = (completion: string): string => completion.slice(answerStart(completion));

const pairs = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['<reasoning>', '</reasoning>'],
  ['<seed:think>', '</seed:think>'],
  ['<|begin_of_thought|>', '<|end_of_thought|>'],
  ['<|channel|>analysis<|message|>', '<|channel|>final<|message|>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
] as const;

test.each(pairs)('only the text after %s…%s is the answer', (open, close) => {
  expect(answerIn(`${open}so 7${close} 8`)).toBe(' 8');
  expect(answerIn(`so 7${close} 8`)).toBe(' 8');
  expect(answerIn(`${open}so 7${close} 8 ${open} or 9${close} 9`)).toBe(' 9');
});

test.each(pairs)('after an unclosed %s there is no answer', (open, close) => {
  expect(answerIn(`${open}so 8`)).toBe('');
  expect(answerIn(`${open}so 7${close} 8 ${open} or 9`)).toBe('');
});

test.each(['I think 8', '1 < 8 [THINKER]', '<thinker>8', '<b>8</b>', '\\[8\\]', ''])(
  'the whole text of %j is the answer',
  (completion) => {
    expect(answerIn(completion)).toBe(completion);
  },
);

test('the last marker decides, whichever pair it belongs to', () => {
  const marks = pairs.flatMap(([open, close]) => [
    { text: open, isOpen: true },
    { text: close, isOpen: false },
  ]);
  const piece = fc.oneof(fc.constantFrom(...marks), fc.constant({ text: 'so < 8 [', isOpen: undefined }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const last = pieces.findLastIndex(({ isOpen }) => isOpen !== undefined);
      const rest = pieces
        .slice(last + 1)
        .map(({ text }) => text)
        .join('');
      const completion = pieces.map(({ text }) => text).join('');
      expect(answerIn(completion)).toBe(pieces[last]?.isOpen === true ? '' : rest);
    }),
  );
});
