import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitWords, termOf } from './analyser.ts';
import { Bm25Builder } from './bm25-builder.ts';
import { Bm25Index, type Bm25Settings, bm25Settings } from './bm25-index.ts';

const defaults = bm25Settings.parse({});

function indexOf(documents: readonly string[], settings: Bm25Settings = defaults): Bm25Index {
  const builder = new Bm25Builder(settings);
  for (const document of documents) builder.add(document);
  return new Bm25Index(builder.finish(), settings);
}

/** Computes BM25 directly from its formula, document by document. */
function referenceScores(documents: readonly string[], query: string, { k1, b }: Bm25Settings): number[] {
  const words = documents.map((document) => document.split(' ').filter(Boolean));
  const mean = words.reduce((sum, list) => sum + list.length, 0) / words.length;
  const terms = query.split(' ');
  const holdings = new Map(terms.map((term) => [term, words.filter((list) => list.includes(term)).length]));
  return words.map((list) => {
    let score = 0;
    for (const term of terms) {
      const holding = holdings.get(term)!;
      const count = list.filter((word) => word === term).length;
      if (count === 0) continue;
      const rarity = Math.log(1 + (words.length - holding + 0.5) / (holding + 0.5));
      score += (rarity * count) / (count + k1 * (1 - b + (b * list.length) / mean));
    }
    return score;
  });
}

const text = (words: readonly string[], most: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: most }).map((list) => list.join(' '));

test('ranks as the BM25 formula does, and breaks ties by document order', () => {
  const words = ['a', 'bb', 'c3', 'dd', 'e', 'ff', 'gg', 'hh'];
  fc.assert(
    fc.property(
      fc.array(text(words, 12), { minLength: 1, maxLength: 40 }),
      text([...words, 'unknown'], 10),
      fc.integer({ min: 1, max: 8 }),
      fc.record({ k1: fc.constantFrom(0, 0.9, 1.2, 3), b: fc.constantFrom(0, 0.4, 0.75, 1) }),
      (documents, query, top, { k1, b }) => {
        const settings = { analyser: 'standard' as const, k1, b };
        const scores = referenceScores(documents, query, settings);
        const expected = [...scores.entries()]
          .filter(([, score]) => score > 0)
          .toSorted(([, x], [, y]) => y - x);
        const found = indexOf(documents, settings).search(query, top);
        expect(found).toHaveLength(Math.min(top, expected.length));
        expect(found).toEqual(found.toSorted((x, y) => y.score - x.score || x.document - y.document));
        for (const [i, { document, score }] of found.entries()) {
          expect(score).toBeCloseTo(expected[i]![1], 5);
          expect(score).toBeCloseTo(scores[document]!, 5);
          expect(indexOf(documents, settings).scoreText(query, documents[document]!)).toBe(score);
        }
      },
    ),
  );
});

test('finds the same best passages if rare terms decide, so that common terms are only looked up', () => {
  const documents = Array.from({ length: 3000 }, (_, i) => {
    const common = i % 7 === 0 ? 'the the of' : 'the of of and';
    return `${common} group${i % 50} name${i}`;
  });
  const index = indexOf(documents);
  for (const query of [
    'the name17 of group3',
    'and the of',
    'group4 the',
    'name2999 and',
    'the the name7 name14',
  ]) {
    const scores = referenceScores(documents, query, defaults);
    const best = [...scores.entries()].toSorted(([i, x], [j, y]) => y - x || i - j).slice(0, 5);
    const found = index.search(query, 5);
    for (const [i, { document, score }] of found.entries()) {
      expect(score).toBeCloseTo(best[i]![1], 5);
      expect(scores[document]).toBeCloseTo(best[i]![1], 5);
    }
    expect(index.search(query, 5)).toEqual(found);
  }
});

test('counts a repeated word of the query each time', () => {
  const index = indexOf(['x y', 'x z', 'w']);
  const [one, two] = [index.search('x', 1)[0]!, index.search('x x', 1)[0]!];
  expect(two.score).toBeCloseTo(2 * one.score, 10);
});

test('returns nothing for words that no document contains, and for a query without words', () => {
  expect(indexOf(['x']).search('y', 3)).toEqual([]);
  expect(indexOf(['x']).search('?!', 3)).toEqual([]);
});

test('counts at most 255 repeats of a term in a document', () => {
  const builder = new Bm25Builder(defaults);
  builder.add('x '.repeat(300));
  expect(builder.finish()).toMatchObject({ counts: Uint8Array.of(255), lengths: Uint32Array.of(300) });
});

test('splits words at everything but letters, marks and digits, and Han characters one by one', () => {
  expect(splitWords('Æsop’s Café-1984, e.g. x_y', 'standard')).toEqual([
    'æsop',
    's',
    'café',
    '1984',
    'e',
    'g',
    'x',
    'y',
  ]);
  expect(splitWords('GPT在2024年カタカナ', 'standard')).toEqual(['gpt', '在', '2024', '年', 'カタカナ']);
  expect(splitWords('ﬁlm ①', 'standard')).toEqual(['film', '1']);
  expect(splitWords('Acme™ ℌall', 'standard')).toEqual(['acmetm', 'hall']);
});

test('the English analyser drops possessives and stop words, and stems the other words', () => {
  const terms = splitWords("The director's films are relational to it", 'english').map((word) =>
    termOf(word, 'english'),
  );
  expect(terms).toEqual([undefined, 'director', 'film', undefined, 'relat', undefined, undefined]);
});
