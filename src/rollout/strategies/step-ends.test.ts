import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { stepEnds } from './step-ends.ts';

const pieces = ['a', 'b\n', '\n', '\n\n', '.\n\nStep', '\nx\n'];
const decode = (tokens: Int32Array): string => Array.from(tokens, (token) => pieces[token]!).join('');

test('a step ends with the token that completes the separator', () => {
  //                  prompt  step 1   step 2      rest
  const tokens = Int32Array.of(0, 0, 1, 2, 0, 0, 4, 0);
  expect(stepEnds(tokens, 1, '\n\n', decode)).toEqual([4, 7, 8]);
});

test('tokens without a separator form one step; an empty answer has no steps', () => {
  expect(stepEnds(Int32Array.of(0, 0, 0), 1, '\n\n', decode)).toEqual([3]);
  expect(stepEnds(Int32Array.of(0), 1, '\n\n', decode)).toEqual([]);
});

test('returns the same result as cutting token by token, and covers all tokens', () => {
  const naive = (tokens: Int32Array, start: number): number[] => {
    const ends: number[] = [];
    let from = start;
    for (let end = start + 1; end <= tokens.length; end++) {
      if (end < tokens.length && !decode(tokens.subarray(from, end)).includes('\n\n')) continue;
      ends.push(end);
      from = end;
    }
    return ends;
  };
  const some = fc.array(fc.integer({ min: 0, max: pieces.length - 1 }), { maxLength: 80 });
  fc.assert(
    fc.property(some, (list) => {
      const tokens = Int32Array.from([0, ...list]);
      expect(stepEnds(tokens, 1, '\n\n', decode)).toEqual(naive(tokens, 1));
    }),
  );
});
