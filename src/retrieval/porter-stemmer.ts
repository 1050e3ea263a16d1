/*
 * Porter's stemming algorithm: M. F. Porter, "An algorithm for suffix stripping", Program 14 (1980), pp. 130–137, with
 * the two changes that the author made in his later programs and that Lucene's PorterStemFilter also has: -bli for
 * -abli, and -logi → -log.
 */

type Rule = readonly [suffix: string, replacement: string];

const step2: readonly Rule[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['bli', 'ble'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
  ['logi', 'log'],
];

const step3: readonly Rule[] = [
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
];

/** Suffixes for step 4. A suffix that also ends a longer suffix is listed after it. */
const step4 = 'al ance ence er ic able ible ant ement ment ent sion tion ou ism ate iti ous ive ize'.split(
  ' ',
);

const lowerCaseWord = /^[a-z]{3,}$/;

/**
 * Returns the stem of a word: `relational` → `relat`. Words of fewer than three letters, or with characters other than
 * a–z, are returned unchanged.
 */
export function stem(word: string): string {
  if (!lowerCaseWord.test(word)) return word;
  const singular = stripPlural(word);
  const present = stripPastAndGerund(singular);
  const withI = hasVowel(present.slice(0, -1)) ? present.replace(/y$/, 'i') : present;
  const shorter = replaceSuffix(replaceSuffix(withI, step2), step3);
  return tidyEnd(dropSuffix(shorter));
}

/** Applies step 1a. */
function stripPlural(word: string): string {
  if (word.endsWith('sses') || word.endsWith('ies')) return word.slice(0, -2);
  return word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
}

/** Applies step 1b. */
function stripPastAndGerund(word: string): string {
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const suffix = word.endsWith('ed') ? 'ed' : word.endsWith('ing') ? 'ing' : undefined;
  if (suffix === undefined || !hasVowel(word.slice(0, -suffix.length))) return word;
  const rest = word.slice(0, -suffix.length);
  if (/(?:at|bl|iz)$/.test(rest)) return `${rest}e`;
  if (/([^aeiouylsz])\1$/.test(rest)) return rest.slice(0, -1);
  return measure(rest) === 1 && endsShort(rest) ? `${rest}e` : rest;
}

/**
 * Applies step 2 or 3: replaces the first matching suffix if the stem before it has measure 1 or more, and otherwise
 * changes nothing.
 */
function replaceSuffix(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (rule === undefined) return word;
  const rest = word.slice(0, -rule[0].length);
  return measure(rest) > 0 ? rest + rule[1] : word;
}

/** Applies step 4: drops a suffix after a stem with measure 2 or more; from -sion and -tion, only -ion. */
function dropSuffix(word: string): string {
  const suffix = step4.find((one) => word.endsWith(one));
  if (suffix === undefined) return word;
  const rest = word.slice(0, suffix.endsWith('ion') ? -3 : -suffix.length);
  return measure(rest) > 1 ? rest : word;
}

/** Applies step 5: drops a final -e, and one l from a final -ll. */
function tidyEnd(word: string): string {
  const rest = word.slice(0, -1);
  const dropsE = word.endsWith('e') && (measure(rest) > 1 || (measure(rest) === 1 && !endsShort(rest)));
  const result = dropsE ? rest : word;
  return result.endsWith('ll') && measure(result.slice(0, -1)) > 1 ? result.slice(0, -1) : result;
}

/** Returns each letter as `c` (consonant) or `v` (vowel); y is a vowel after a consonant. */
function shapeOf(word: string): string {
  let shape = '';
  for (const letter of word) {
    const isVowel = 'aeiou'.includes(letter) || (letter === 'y' && shape.endsWith('c'));
    shape += isVowel ? 'v' : 'c';
  }
  return shape;
}

const hasVowel = (word: string): boolean => shapeOf(word).includes('v');

/** Returns Porter's m: the number of vowel sequences that are followed by a consonant. */
const measure = (word: string): number => shapeOf(word).match(/vc/g)?.length ?? 0;

/** Returns Porter's *o: whether the word ends in consonant, vowel, consonant, and the last is not w, x or y. */
const endsShort = (word: string): boolean => shapeOf(word).endsWith('cvc') && !/[wxy]$/.test(word);
