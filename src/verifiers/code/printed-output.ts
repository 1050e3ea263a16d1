import type { ProblemTests } from '../../core/problem.ts';

type PrintedTests = Extract<ProblemTests, { type: 'stdio' }>;
type Tolerance = NonNullable<ProblemTests['tolerance']>;

/** Rules for comparing printed output; see `ProblemTests`. */
type PrintedRules = Pick<PrintedTests, 'comparison' | 'tolerance'>;

/**
 * Returns whether a program printed the expected text. Order and case always matter.
 *
 * - By default, the texts must be equal except for white space at line ends and trailing blank lines. With a tolerance,
 *   words may differ if they are numbers within the tolerance; two numbers written as integers must be equal.
 * - With `comparison: 'numbers'`, the texts are compared line by line, as in LiveCodeBench's `testing_util.py`: white
 *   space around lines and around the entire output is ignored, and lines of numbers are compared as decimals, so `3`
 *   equals `3.0`. With a tolerance, lines may contain words as well as numbers.
 */
export function samePrinted(
  printed: string,
  expected: string,
  { comparison, tolerance }: PrintedRules = {},
): boolean {
  if (trimmedEnd(printed) === trimmedEnd(expected)) return true;
  if (comparison === 'numbers') return sameLines(printed, expected, tolerance);
  if (tolerance === undefined) return false;
  return pairwise(wordsOf(printed), wordsOf(expected), (word, gold) => sameNumber(word, gold, tolerance));
}

function trimmedEnd(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd());
  let count = lines.length;
  while (count > 0 && lines[count - 1] === '') count--;
  return lines.slice(0, count).join('\n');
}

const wordsOf = (text: string): string[] => text.trim().split(/\s+/);
const linesOf = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim());

function pairwise<T>(mine: readonly T[], theirs: readonly T[], same: (one: T, other: T) => boolean): boolean {
  return mine.length === theirs.length && mine.every((one, i) => same(one, theirs[i]!));
}

function sameLines(printed: string, expected: string, tolerance: Tolerance | undefined): boolean {
  return pairwise(linesOf(printed), linesOf(expected), (line, gold) => {
    if (line === gold) return true;
    const [words, golds] = [wordsOf(line), wordsOf(gold)];
    if (tolerance === undefined && ![...words, ...golds].every(isDecimal)) return false;
    return pairwise(words, golds, (word, right) => sameNumber(word, right, tolerance));
  });
}

/** Matches a decimal in linear time: it backtracks at most once over the input. */
const decimal = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:e([+-]?\d{1,15}))?$/i;
const integer = /^[+-]?\d+$/;

const isDecimal = (word: string): boolean => decimal.test(word);

function sameNumber(word: string, gold: string, tolerance: Tolerance | undefined): boolean {
  if (word === gold) return true;
  if (!isDecimal(word) || !isDecimal(gold)) return false;
  if (normalForm(word) === normalForm(gold)) return true;
  if (tolerance === undefined || (integer.test(word) && integer.test(gold))) return false;
  const [a, b] = [Number(word), Number(gold)];
  return Math.abs(a - b) <= Math.max(tolerance.absolute, tolerance.relative * Math.abs(b));
}

/**
 * Returns the exact value of a decimal in a form that is the same for equal numbers: digits without leading and
 * trailing zeros, and an exponent.
 */
function normalForm(text: string): string {
  const [, sign, mantissa, exponent = '0'] = decimal.exec(text)!;
  const [whole, fraction = ''] = mantissa!.split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  if (end === 0) return '0';
  const scale = Number(exponent) - fraction.length + digits.length - end;
  return `${sign === '-' ? '-' : ''}${digits.slice(0, end)}e${scale}`;
}
