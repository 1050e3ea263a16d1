import type { Rng } from '../../src/core/rng.ts';

/** Reformats a text as another data set would: changes delimiters, spacing, case and fractions, and adds instructions
 * around it. */
export function reformat(text: string): string {
  const body = text
    .replaceAll(/\$\$?([^$]+)\$\$?/g, '\\($1\\)')
    .replaceAll(/\\(?:left|right)(?![a-z])/g, '')
    .replaceAll('\\frac', '\\dfrac')
    .replaceAll('\\cdot', '\\times')
    .replaceAll('\\le ', '\\leq ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/([=+])/g, ' $1 ')
    .trim();
  return `${body[0]!.toUpperCase()}${body.slice(1)}`;
}

/** Replacement words for paraphrases. */
const synonyms: Readonly<Record<string, string>> = {
  find: 'determine',
  determine: 'find',
  compute: 'calculate',
  calculate: 'work out',
  evaluate: 'compute',
  simplify: 'reduce',
  what: 'which',
  how: 'just how',
  number: 'count',
  total: 'overall',
  value: 'size',
  each: 'every',
  every: 'each',
  all: 'all of the',
  given: 'provided',
  suppose: 'assume',
  let: 'take',
  such: 'so',
  positive: 'strictly positive',
  integers: 'whole numbers',
  integer: 'whole number',
  smallest: 'least',
  largest: 'greatest',
  express: 'write',
  answer: 'result',
  your: 'the',
  if: 'when',
  are: 'happen to be',
  has: 'possesses',
  have: 'possess',
  that: 'which',
};

/**
 * Paraphrases a text so that some runs of words remain but the wording differs: known words are replaced, one in twelve of the
 * other words is dropped, the last of several sentences is moved to the front, and a sentence is added. Numbers and formulas
 * stay.
 */
export function retell(text: string, rng: Rng): string {
  const sentences = reformat(text).split(/(?<=[.?!])\s+(?=[A-Z])/);
  const ordered = sentences.length > 1 ? [sentences.at(-1)!, ...sentences.slice(0, -1)] : sentences;
  let depth = 0;
  const told = ordered
    .join(' ')
    .split(' ')
    .flatMap((word) => {
      const isFormula = depth > 0 || word.includes('\\');
      depth +=
        (word.match(/\\\(|\\\[|\[asy\]/g)?.length ?? 0) - (word.match(/\\\)|\\\]|\[\/asy\]/g)?.length ?? 0);
      if (isFormula || /[^A-Za-z.,?]/.test(word)) return [word];
      const known = synonyms[word.toLowerCase().replaceAll(/[.,?]/g, '')];
      if (known !== undefined) return [known];
      return rng.next() < 1 / 12 ? [] : [word];
    });
  return `Here is a question from a contest. ${told.join(' ')} Explain every step.`;
}
