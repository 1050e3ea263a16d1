/** How far numbers may be off; either bound suffices. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/**
 * Whether a program printed what was expected: exactly, once blanks at line ends and blank lines at the end are gone. With
 * a tolerance, also where all words are equal except for numbers that are close enough. Order always counts.
 */
export function samePrinted(printed: string, expected: string, tolerance?: Tolerance): boolean {
  const [mine, theirs] = [trimmed(printed), trimmed(expected)];
  if (mine === theirs) return true;
  if (tolerance === undefined) return false;
  const [words, golds] = [mine.split(/\s+/), theirs.split(/\s+/)];
  return words.length === golds.length && words.every((word, i) => sameWord(word, golds[i]!, tolerance));
}

function trimmed(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd());
  let count = lines.length;
  while (count > 0 && lines[count - 1] === '') count--;
  return lines.slice(0, count).join('\n');
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function sameWord(word: string, gold: string, { absolute, relative }: Tolerance): boolean {
  if (word === gold) return true;
  if (!decimal.test(word) || !decimal.test(gold)) return false;
  const [a, b] = [Number(word), Number(gold)];
  return Math.abs(a - b) <= Math.max(absolute, relative * Math.abs(b));
}
