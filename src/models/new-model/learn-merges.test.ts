import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { learnMerges } from './learn-merges.ts';

const symbols = ['<end>', 'a', 'b', 'c'];

/** Learns a byte-pair encoding in the simplest way: counts all pairs again before each merge. */
function mergesByDefinition(words: ReadonlyMap<string, number>, size: number): string[][] {
  const tokens = [...symbols];
  const text = [...words].map(([word, count]) => ({ parts: [...word], count }));
  const merges: string[][] = [];
  while (tokens.length < size) {
    const counts = new Map<string, number>();
    for (const { parts, count } of text)
      for (const [i, part] of parts.slice(1).entries()) {
        const pair = `${parts[i]} ${part}`;
        counts.set(pair, (counts.get(pair) ?? 0) + count);
      }
    const [best] = [...counts]
      .map(([pair, count]) => ({ pair: pair.split(' '), count }))
      .toSorted(
        (a, b) =>
          b.count - a.count ||
          tokens.indexOf(a.pair[0]!) - tokens.indexOf(b.pair[0]!) ||
          tokens.indexOf(a.pair[1]!) - tokens.indexOf(b.pair[1]!),
      );
    if (best === undefined || best.count < 2) return merges;
    const [left, right] = best.pair as [string, string];
    merges.push([left, right]);
    if (!tokens.includes(left + right)) tokens.push(left + right);
    for (const word of text) {
      const joined: string[] = [];
      for (let i = 0; i < word.parts.length; i++) {
        const isPair = word.parts[i] === left && word.parts[i + 1] === right;
        joined.push(isPair ? left + right : word.parts[i]!);
        if (isPair) i++;
      }
      word.parts = joined;
    }
  }
  return merges;
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 12 });
const corpus = fc.array(fc.tuple(word, fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 12 });

test('learns the same merges as counting all pairs again before each merge', () => {
  fc.assert(
    fc.property(corpus, fc.integer({ min: 4, max: 24 }), (entries, size) => {
      const words = new Map(entries);
      const learned = learnMerges(words, symbols, size);
      expect(learned.merges).toEqual(mergesByDefinition(words, size));
      expect(learned.tokens.length).toBeLessThanOrEqual(size);
      expect(new Set(learned.tokens).size).toBe(learned.tokens.length);
    }),
  );
});

test('counts the tokens of the text', () => {
  expect(
    learnMerges(
      new Map([
        ['ab', 3],
        ['c', 1],
      ]),
      symbols,
      5,
    ),
  ).toEqual({
    tokens: ['<end>', 'a', 'b', 'c', 'ab'],
    merges: [['a', 'b']],
    textTokens: 4,
  });
});

test('stops when no pair occurs twice', () => {
  expect(learnMerges(new Map([['abc', 1]]), symbols, 9).merges).toEqual([]);
});
