import type { NumberNode } from '../syntax.ts';

/** A numeral found in a text: its digits without grouping, and its end. */
export interface Numeral {
  readonly text: string;
  readonly end: number;
}

/** Separators that always group thousands, longest first. */
const groupMarks = ['{,}\\!', ',\\!\\,', ',\\! ', '{,} ', '{,}', ',\\!', ',\\,', '\\,', '\\!'];
/** Separators that group thousands only outside brackets; inside, a comma separates items. */
const looseGroupMarks = [...groupMarks, ' ', '\\ ', '\\;', '~'];

/**
 * Matches digits and commas that form one number: `1,234,567`. Three digits after a comma form a group in every
 * reading.
 */
const commaGroups = /\d{1,3}(?:,\d{3})+(?!\d|,\d)/y;
const apostropheGroups = /\d{1,3}(?:'\d{3})+(?![\d'])/y;
/** Matches digit groups separated by points. There must be two points, because two cannot both be decimal marks. */
const pointGroups = /\d{1,3}(?:\.\d{3}){2,}(?![\d.,])/y;
/** Matches `1.234,56` and `1 234,56`: of two different separators, the last one is the decimal mark. */
const decimalCommaGroups = /\d{1,3}(?:(?:\.\d{3})+|(?: \d{3})+),\d{1,2}(?![\d,])/y;
/** Matches `3{,}14`: a comma in braces is a decimal mark unless exactly three digits follow. */
const bracedDecimalComma = /\d+\{,\}(?:\d{1,2}|\d{4,})(?!\d)/y;

const maxExponent = 5000;

/**
 * Reads a numeral at `start`: grouping, decimals, a repeating part `0.1\overline{6}` or `0.1(6)`, an exponent `1.2e-5`.
 * With `isLoose`, as outside brackets, commas and spaces may separate groups of thousands.
 */
export function scanNumeral(text: string, start: number, isLoose: boolean): Numeral {
  const marked = text.length - start > 4 ? scanMarked(text, start, isLoose) : undefined;
  if (marked !== undefined && marked.isComplete) return marked;
  let end = marked?.end ?? digitsEnd(text, start);
  let digits = marked?.text ?? text.slice(start, end);
  if (marked === undefined && digits.length <= 3) {
    const marks = isLoose && digits[0] !== '0' ? looseGroupMarks : groupMarks;
    const mark = marks.find((candidate) => isGroup(text, end, candidate));
    const starts = mark === undefined || digits === '' ? [] : groupStarts(text, end, mark);
    // `9 148/1000` is a mixed number.
    const isMixed = mark === ' ' && text[starts.at(-1)! + 3] === '/';
    for (const from of isMixed ? [] : starts) {
      digits += text.slice(from, from + 3);
      end = from + 3;
    }
  }
  if (text[end] === '.') {
    const fractionEnd = digitsEnd(text, end + 1);
    if (fractionEnd > end + 1 || repeatingPart(text, end + 1)) {
      digits += `.${text.slice(end + 1, fractionEnd)}`;
      end = fractionEnd;
      const repeating = repeatingPart(text, end);
      if (repeating) return { text: `${digits}(${repeating.text})`, end: repeating.end };
    }
  }
  const exponent = exponentAt(text, end);
  return exponent ? { text: `${digits}e${exponent.text}`, end: exponent.end } : { text: digits, end };
}

/** Scans a numeral whose group separators can be recognised only together with its digits. */
function scanMarked(
  text: string,
  start: number,
  isLoose: boolean,
): (Numeral & { readonly isComplete: boolean }) | undefined {
  const joint = text[digitsEnd(text, start)];
  if (joint === '{') return found(bracedDecimalComma, text, start, '{,}');
  if (!isLoose || (text[start - 1] === ',' && isDigit(text[start - 2]))) return undefined;
  if (joint === ',' && text[start] !== '0') return found(commaGroups, text, start, '');
  if (joint === "'" && text[start] !== '0') return found(apostropheGroups, text, start, '');
  const grouped = joint === '.' ? found(pointGroups, text, start, '') : undefined;
  if (grouped) return grouped;
  return joint === '.' || joint === ' ' ? found(decimalCommaGroups, text, start, ',') : undefined;
}

/**
 * Returns the numeral that a pattern matches, with `decimalMark` as its decimal point; no other part may follow it.
 * Returns undefined if there is no match.
 */
function found(
  pattern: RegExp,
  text: string,
  start: number,
  decimalMark: string,
): (Numeral & { readonly isComplete: boolean }) | undefined {
  pattern.lastIndex = start;
  const match = pattern.exec(text)?.[0];
  if (match === undefined) return undefined;
  const [whole = '', fraction] = decimalMark === '' ? [match] : match.split(decimalMark);
  const digits = whole.replaceAll(/\D/g, '');
  const value = fraction === undefined ? digits : `${digits}.${fraction}`;
  return { text: value, end: start + match.length, isComplete: fraction !== undefined };
}

/** Converts a scanned numeral to its exact value; returns undefined if its exponent is absurdly large. */
export function numberFromNumeral(numeral: string): NumberNode | undefined {
  if (/^\d+$/.test(numeral)) return digitsNode(numeral);
  const [mantissa = '', exponentText = '0'] = numeral.split('e');
  const exponent = Number(exponentText);
  if (!(Math.abs(exponent) <= maxExponent)) return undefined;
  const [whole = '', fraction = ''] = mantissa.split('.');
  const open = fraction.indexOf('(');
  if (open >= 0) return repeatingNumber(whole, fraction.slice(0, open), fraction.slice(open + 1, -1));
  const digits = BigInt(`${whole}${fraction}` || '0');
  const places = fraction.length - exponent;
  const value =
    places > 0
      ? { numerator: digits, denominator: 10n ** BigInt(places) }
      : { numerator: digits * 10n ** BigInt(-places), denominator: 1n };
  return {
    kind: 'number',
    value,
    isDecimal: mantissa.includes('.'),
    places,
    significant: significantDigits(whole + fraction),
  };
}

/** Builds the node of a numeral that consists only of digits, like most numerals. */
function digitsNode(digits: string): NumberNode {
  const value = { numerator: BigInt(digits), denominator: 1n };
  return { kind: 'number', value, isDecimal: false, places: 0, significant: significantDigits(digits) };
}

/** Builds the node of a whole number. */
export function wholeNode(value: number | bigint): NumberNode {
  const numerator = BigInt(value);
  return {
    kind: 'number',
    value: { numerator, denominator: 1n },
    isDecimal: false,
    places: 0,
    significant: String(value).length,
  };
}

/** Returns whether a character is an ASCII digit. */
export function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9';
}

function repeatingNumber(whole: string, fixed: string, repeating: string): NumberNode {
  const [fixedDigits, allDigits] = [
    BigInt(`${whole}${fixed}` || '0'),
    BigInt(`${whole}${fixed}${repeating}`),
  ];
  const denominator = (10n ** BigInt(repeating.length) - 1n) * 10n ** BigInt(fixed.length);
  const value = { numerator: allDigits - fixedDigits, denominator };
  return { kind: 'number', value, isDecimal: false, places: 0, significant: 0 };
}

/** Scans the repeating part after the point or the decimals: `\overline{3}`, `\bar{3}` or `(3)`. */
function repeatingPart(text: string, start: number): Numeral | undefined {
  const mark = repeatMarks.find(([open]) => text.startsWith(open, start));
  if (mark === undefined) return undefined;
  const from = start + mark[0].length;
  const end = digitsEnd(text, from);
  return end > from && text[end] === mark[1] ? { text: text.slice(from, end), end: end + 1 } : undefined;
}

const repeatMarks = [
  ['\\overline{', '}'],
  ['\\bar{', '}'],
  ['(', ')'],
] as const;

function exponentAt(text: string, start: number): Numeral | undefined {
  if (text[start] !== 'e' && text[start] !== 'E') return undefined;
  const from = text[start + 1] === '+' || text[start + 1] === '-' ? start + 2 : start + 1;
  const end = digitsEnd(text, from);
  if (end === from || isLetter(text[end])) return undefined;
  return { text: text.slice(start + 1, end), end };
}

/** Returns the starts of consecutive groups of three digits that follow the same separator. */
function groupStarts(text: string, at: number, mark: string): number[] {
  const starts: number[] = [];
  for (let end = at; isGroup(text, end, mark); end += mark.length + 3) starts.push(end + mark.length);
  return starts;
}

function isGroup(text: string, at: number, mark: string): boolean {
  const from = at + mark.length;
  return text.startsWith(mark, at) && digitsEnd(text, from) === from + 3;
}

function digitsEnd(text: string, start: number): number {
  let end = start;
  while (isDigit(text[end])) end++;
  return end;
}

function significantDigits(digits: string): number {
  let leading = 0;
  while (digits[leading] === '0') leading++;
  return digits.length - leading;
}

function isLetter(character: string | undefined): boolean {
  return (
    character !== undefined &&
    ((character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z'))
  );
}
