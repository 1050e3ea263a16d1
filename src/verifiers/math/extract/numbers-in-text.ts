import { scaleOf } from '../read/number-words.ts';
import { isDigit, scanNumeral } from '../read/numerals.ts';
import { isUnitSymbol, isUnitWord } from '../units.ts';

/** A formula or a number somewhere in a text. */
export interface Passage {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A number in running text, without words after it that belong to its value. */
export interface NumberSpan {
  readonly start: number;
  readonly end: number;
  /** True for a part of a term, such as the 2 of `2x`, which is not an answer. */
  readonly isPart: boolean;
}

/**
 * Returns the number that begins at `at` in running text, with all its parts: `10:30`, `2024-04-22`, `3 1/2`,
 * `3.2×10⁻⁴`. A part of a number must never count as an answer.
 */
export function numberAt(text: string, at: number): NumberSpan {
  const isRoot = text[at] === '√';
  let end = scanNumeral(text, isRoot ? at + 1 : at, true).end;
  end = decimalCommaEnd(text, at, end);
  while ('-–/.:'.includes(text[end] ?? '?') && isDigit(text[end + 1]))
    end = scanNumeral(text, end + 1, false).end;
  if (text[end] === '_') end = extended(text, end, base);
  const next = text[end] === ' ' ? text[end + 1] : text[end];
  if (next !== undefined && next > ' ' && !isPlainLetter(next)) {
    if (!isRoot) end = extended(text, end, mixedPart);
    end = extended(text, end, power);
  }
  if (next !== undefined && (next > '\u007f' || 'x*\\^p'.includes(next))) {
    end = extended(text, extended(text, end, timesTen), rootOrPi);
  }
  if (text[end] === ' ') {
    if ('oJFMASOND'.includes(text[end + 1] ?? '.')) end = extended(text, end, monthBehind);
    const ratioEnd = text[end + 1] === 't' ? extended(text, end, ratioBehind) : end;
    if (ratioEnd > end && !/\bfrom\s+$/.test(text.slice(Math.max(0, at - 8), at))) end = ratioEnd;
  } else if ('snrt'.includes(text[end] ?? '.')) end = extended(text, end, ordinalOfMonth);
  return { start: isNegative(text, at) ? at - 1 : at, end, isPart: isPartOfTerm(text, at, end) };
}

/** Returns whether a letter can only begin a word. */
function isPlainLetter(character: string): boolean {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

const monthNames = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\\.?';
const monthBehind = new RegExp(` (?:of )?${monthNames}(?:,? \\d{4})?(?![\\w])`, 'y');
const ordinalOfMonth = new RegExp(`(?:st|nd|rd|th)${monthBehind.source}`, 'y');
const monthDate = new RegExp(`${monthNames} \\d{1,2}(?:st|nd|rd|th)?(?:,? \\d{4})?(?![\\w])`, 'y');
/** Matches the rest of a ratio such as "5 to 3"; not used in "from 5 to 3". */
const ratioBehind = / to \d+(?![\d.,/:]*\d)/y;

/** Returns the complete date that begins with the name of its month at `at`; undefined if no date begins there. */
export function monthDateAt(text: string, at: number): NumberSpan | undefined {
  if (!'JFMASOND'.includes(text[at]!) || isWordCharacter(text[at - 1])) return undefined;
  const end = extended(text, at, monthDate);
  return end > at ? { start: at, end, isPart: false } : undefined;
}

const base = /_(?:\{\d{1,2}\}|\d{1,2})/y;
const mixedPart = /(?: \d+\/\d+(?![\d/])|[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])/y;
const power = /(?:(?:\^|\*\*)(?:-?\d+|\{[^{}]{1,20}\}|\([^()]{1,20}\))|[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+)/y;
const timesTen =
  /\s?(?:[×x*·⋅]|\\times|\\cdot)\s?10(?:(?:\^|\*\*)(?:-?\d+|\{-?\d+\}|\(-?\d+\))|[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+)/y;
const rootOrPi = /(?:√\d+|\s?(?:π|pi(?![a-z])))/y;

function extended(text: string, end: number, part: RegExp): number {
  part.lastIndex = end;
  return end + (part.exec(text)?.[0].length ?? 0);
}

/**
 * Returns the end of a decimal whose decimal mark is a comma, as in `2,74`; `end` if the comma groups digits or there
 * is none.
 */
function decimalCommaEnd(text: string, at: number, end: number): number {
  const isComma = text[end] === ',' && isDigit(text[end + 1]) && !isDigit(text[at - 1]);
  return isComma ? scanNumeral(text, end + 1, false).end : end;
}

/** Returns whether a minus sign directly precedes the number and does not denote subtraction. */
function isNegative(text: string, at: number): boolean {
  const isMinus = text[at - 1] === '-' || text[at - 1] === '−';
  return isMinus && !isWordCharacter(text[at - 2]) && text[at - 2] !== ')' && text[at - 2] !== '^';
}

/**
 * Returns whether a number is part of a term: an exponent, an index, a denominator under a letter, or a factor of a
 * letter.
 */
function isPartOfTerm(text: string, at: number, end: number): boolean {
  const before = text[at - 1];
  if (before === '^' || before === '_' || (before === '-' && text[at - 2] === '^')) return true;
  if (before === '/' && (isWordCharacter(text[at - 2]) || text[at - 2] === ')')) return true;
  if (!isPlainLetter(text[end] ?? ' ')) return false;
  const letters = /^[A-Za-z]+/.exec(text.slice(end, end + 24))![0];
  return !(
    isUnitWord(letters) || /^(?:st|nd|rd|th|percent|pct|[ap]m|o|k|bn|mn|million|billion)$/i.test(letters)
  );
}

const percent = /^\s*(?:\\?%|percent|pct)/;
const half = /^ and (?:a|one) half\b/;
const clock = /^\s?[ap]\.?\s?m\b\.?/i;
const wordBehind = /^[\s-]?([A-Za-z]+|\p{Script=Han}+)/u;

/** Returns a number with the signs and words after it that are part of its value: `%`, "million", "pm", a unit. */
export function withSuffix(text: string, { start, end: numberEnd }: NumberSpan): Passage {
  const number = text.slice(start, numberEnd);
  const rest = text.slice(numberEnd, numberEnd + 32);
  const sign = percent.exec(rest)?.[0];
  if (sign !== undefined) return { text: `${number}\\%`, start, end: numberEnd + sign.length };
  const [halfSign, clockSign] = [half.exec(rest)?.[0], clock.exec(rest)?.[0]];
  if (halfSign !== undefined) return { text: `${number} 1/2`, start, end: numberEnd + halfSign.length };
  if (clockSign !== undefined) return { text: number + clockSign, start, end: numberEnd + clockSign.length };
  let end = numberEnd;
  for (let count = 0; count < 3; count++) {
    const found = wordBehind.exec(text.slice(end, end + 24));
    if (found === null || !belongsToValue(found[1]!, found[0].length === found[1]!.length)) break;
    end += found[0].length;
  }
  return { text: text.slice(start, end), start, end };
}

/**
 * Returns whether a word after a number belongs to its value; `in` after a space is more often a preposition than
 * inches.
 */
function belongsToValue(word: string, isAdjacent: boolean): boolean {
  if (scaleOf(word) !== undefined || /^\p{Script=Han}/u.test(word)) return true;
  return isAdjacent ? isUnitWord(word) : isUnitSymbol(word) && word !== 'in' && word !== 'us';
}

/**
 * Returns whether a character before or after a number makes it part of a word, as in `mp3`; Chinese characters do not.
 */
export function isWordCharacter(character: string | undefined): boolean {
  if (character === undefined || character <= ' ') return false;
  if (character < '\u0080') return isPlainLetter(character) || isDigit(character) || character === '_';
  return (
    /[\p{L}\p{N}_]/u.test(character) &&
    !/\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}/u.test(character)
  );
}
