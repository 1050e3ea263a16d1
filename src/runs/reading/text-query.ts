/** Searchable fields: a problem's prompt, a gold or extracted answer, and the text after the prompt. */
export const textFields = ['prompt', 'answer', 'completion'] as const;
export type TextField = (typeof textFields)[number];

/** Consecutive folded words; if `isPrefix`, the last word is a prefix. */
interface Phrase {
  readonly words: readonly string[];
  readonly isPrefix: boolean;
}

/** Matches a word as FTS5's tokenizer `unicode61` splits it. */
const word = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;

/** Removes case distinctions and diacritics. */
const folded = (text: string): string => text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();

/** Splits a query into phrases: `"several words"`, `begin*` and single words. `1/12` becomes the phrase "1 12". */
function phrasesOf(text: string): Phrase[] {
  return [...text.matchAll(/"[^"]*"?\*?|[^\s"]+/gu)]
    .map(([part]) => ({
      words: [...part.matchAll(word)].map(([one]) => folded(one)).filter((one) => one !== ''),
      isPrefix: part.endsWith('*'),
    }))
    .filter(({ words }) => words.length > 0);
}

/**
 * Converts a user's query to an FTS5 expression that requires all phrases. Returns undefined if the text contains no
 * word. No part of the text is interpreted as FTS5 syntax.
 */
export function matchExpression(text: string, fields?: readonly TextField[]): string | undefined {
  const phrases = phrasesOf(text);
  if (phrases.length === 0) return undefined;
  const terms = phrases.map(({ words, isPrefix }) => `"${words.join(' ')}"${isPrefix ? ' *' : ''}`);
  const all = terms.join(' AND ');
  return fields === undefined || fields.length === 0 ? all : `{${fields.join(' ')}} : (${all})`;
}

/** Maximum number of characters searched in one text. */
const maxSearched = 200_000;

/**
 * Returns the earliest match in a text of any phrase from the query, as [start, end); undefined if there is no match.
 */
export function findMatch(text: string, query: string): readonly [start: number, end: number] | undefined {
  const tokens = [...text.slice(0, maxSearched).matchAll(word)].map(({ 0: token, index }) => ({
    token: folded(token),
    start: index,
    end: index + token.length,
  }));
  const spans = phrasesOf(query).flatMap(({ words, isPrefix }) => {
    const at = tokens.findIndex((_, first) =>
      words.every((one, n) => {
        const token = tokens[first + n]?.token;
        return isPrefix && n === words.length - 1 ? token?.startsWith(one) === true : token === one;
      }),
    );
    return at < 0 ? [] : [[tokens[at]!.start, tokens[at + words.length - 1]!.end] as const];
  });
  return spans.toSorted(([a], [b]) => a - b)[0];
}
