import type { NumberNode } from '../syntax.ts';

/** How a comma between digits is read: `groups` makes `1,234` one number, `separates` makes it two. */
export type CommaReading = 'groups' | 'separates';

/** A numeral as found in a text: its digits without grouping, and where it ends. */
export interface Numeral {
  readonly text: string;
  readonly end: number;
}

/** Marks that group thousands, longest first; the plain comma and the space only when commas group. */
const groupMarks = ['{,}\\!', ',\\!\\,', ',\\! ', '{,} ', '{,}', ',\\!', ',\\,', '\\,', '\\!'];

const maxExponent = 5000;

/** Reads a numeral at `start`: grouping, decimals, a repeating part `0.1\overline{6}`, an exponent `1.2e-5`. */
export function scanNumeral(text: string, start: number, commas: CommaReading): Numeral {
  let end = digitsEnd(text, start);
  let digits = text.slice(start, end);
  if (digits.length <= 3) {
    const marks =
      commas === 'groups' && digits[0] !== '0' ? [...groupMarks, ',', ' ', '\\ ', '\\;'] : groupMarks;
    const mark = marks.find((candidate) => isGroup(text, end, candidate));
    for (const from of mark === undefined || digits === '' ? [] : groupStarts(text, end, mark)) {
      digits += text.slice(from, from + 3);
      end = from + 3;
    }
  }
  if (text[end] === '.') {
    const fractionEnd = digitsEnd(text, end + 1);
    if (fractionEnd > end + 1 || text.startsWith('\\overline{', end + 1)) {
      digits += `.${text.slice(end + 1, fractionEnd)}`;
      end = fractionEnd;
      const repeating = repeatingPart(text, end);
      if (repeating) return { text: `${digits}(${repeating.text})`, end: repeating.end };
    }
  }
  const exponent = exponentAt(text, end);
  return exponent ? { text: `${digits}e${exponent.text}`, end: exponent.end } : { text: digits, end };
}

/** Turns a scanned numeral into its exact value; nothing for absurd exponents. */
export function numberFromNumeral(numeral: string): NumberNode | undefined {
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

/** A whole number as a node. */
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

/** True for an ASCII digit. */
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

function repeatingPart(text: string, start: number): Numeral | undefined {
  const command = ['\\overline{', '\\bar{'].find((candidate) => text.startsWith(candidate, start));
  if (command === undefined) return undefined;
  const from = start + command.length;
  const end = digitsEnd(text, from);
  return end > from && text[end] === '}' ? { text: text.slice(from, end), end: end + 1 } : undefined;
}

function exponentAt(text: string, start: number): Numeral | undefined {
  if (text[start] !== 'e' && text[start] !== 'E') return undefined;
  const from = text[start + 1] === '+' || text[start + 1] === '-' ? start + 2 : start + 1;
  const end = digitsEnd(text, from);
  if (end === from || isLetter(text[end])) return undefined;
  return { text: text.slice(start + 1, end), end };
}

/** Where the groups of three digits start that follow one another after the same mark. */
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
