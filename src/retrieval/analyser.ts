import { stem } from './porter-stemmer.ts';

/** Ways to split a text into index terms. */
export const analysers = ['standard', 'english'] as const;

/**
 * - `standard`: words in lower case; each Han or Hiragana character is one word;
 * - `english`: without possessive `'s` and Lucene's English stop words, stemmed by Porter's algorithm.
 */
export type Analyser = (typeof analysers)[number];

const unicodeWord =
  /[\p{Script=Han}\p{Script=Hiragana}]|[[\p{L}\p{M}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}]]+/gv;
const notAscii = /\P{ASCII}/u;
const asciiWord = /[a-z0-9]+/g;
const possessive = /['’]s\b/gi;

/** The stop words of Lucene's `EnglishAnalyzer`. */
const stopWords = new Set(
  (
    'a an and are as at be but by for if in into is it no not of on or such that the their then there these they this ' +
    'to was will with'
  ).split(' '),
);

/** Returns the words of a text in order, repeats included. Unicode is normalised first (NFKC). */
export function splitWords(text: string, analyser: Analyser): string[] {
  const whole = analyser === 'english' ? text.replaceAll(possessive, '') : text;
  if (!notAscii.test(whole)) return whole.toLowerCase().match(asciiWord) ?? [];
  return whole.normalize('NFKC').toLowerCase().match(unicodeWord) ?? [];
}

/** Returns the index term of a word of `splitWords`; `undefined` for a stop word. */
export function termOf(word: string, analyser: Analyser): string | undefined {
  if (analyser === 'standard') return word;
  return stopWords.has(word) ? undefined : stem(word);
}
