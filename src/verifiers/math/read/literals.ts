import type { LiteralNode } from '../syntax.ts';

/**
 * Dates, times of day, versions, addresses and phone numbers: numbers joined by signs that would otherwise be computed
 * (`2024-04-22` is not 1998). They are compared as literals and never evaluated.
 */

/** A literal found in a text, and the position at which it ends. */
interface FoundLiteral {
  readonly literal: LiteralNode;
  readonly end: number;
}

const months = 'january february march april may june july august september october november december'.split(
  ' ',
);
const monthName =
  '(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?';
const weekday = '(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\\s+)?';
const day = '(\\d{1,2})(?:st|nd|rd|th)?';
const year = '(?:,?\\s+(\\d{4}))?';

const monthFirst = new RegExp(`^${weekday}${monthName}\\s+${day}${year}$`, 'i');
const dayFirst = new RegExp(
  `^${weekday}(?:the\\s+)?${day}[\\s-]+(?:of\\s+)?${monthName}(?:(?:,?\\s+|-)(\\d{4}))?$`,
  'i',
);
const monthAndYear = new RegExp(`^${monthName},?\\s+(\\d{4})$`, 'i');
const chineseDate = /^(?:(\d{4})\s*年\s*)?(\d{1,2})\s*月(?:\s*(\d{1,2})\s*[日号])?$/;
const clock = /^(\d{1,2})(?:[:.]([0-5]\d))?(?::([0-5]\d))?\s*([ap])\.?\s?m\.?$/i;
const middle = /^(?:12(?::00)?\s+)?(noon|midnight)$/i;
const oClock = /^(\d{1,2})\s+o'?clock$/i;
const version = /^v(?:ersion\s*|\.\s*)?(\d+(?:\.\d+)+)$/i;
const phone = /^(?:\+\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}$|^\+\d[\d ()-]{6,18}\d$/;
const hexGroups = /^(?=.*(?:::|\d))[\da-f]{0,4}(?::[\da-f]{0,4}){3,7}$/i;

/** Returns the literal if the entire answer is one that `literalAt` does not cover; undefined otherwise. */
export function wholeLiteral(answer: string): LiteralNode | undefined {
  if (answer.length > 60 || !/\d|noon|midnight/i.test(answer) || !mayBeLiteral.test(answer)) return undefined;
  const text = plainText(answer);
  return writtenDate(text) ?? writtenTime(text) ?? writtenCode(text);
}

/** Matches something in every literal that `wholeLiteral` can read: a cheap test. */
const mayBeLiteral =
  /\d\s*[月年]|(?<![a-z\\])(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z.]*[\s,\d]|\d(?:st|nd|rd|th)?[\s-]+(?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|\d.*[ap]\.?\s?m\b|clock|noon|midnight|(?<![a-z\\])v[a-z. ]*\d|\+\d|\d[ .)-]+\d{3}[ .-]\d{4}|:[\da-f]*:[\da-f]*:/i;

function plainText(answer: string): string {
  return answer
    .replaceAll(/\\(?:text(?:bf|rm|it)?|mathrm|mbox)\s*\{([^{}]*)\}/g, '$1')
    .replaceAll(/\\(?:displaystyle|textstyle|boxed|fbox)\s*|\\[ ,;:!]|[~${}]/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function writtenDate(text: string): LiteralNode | undefined {
  const first = monthFirst.exec(text);
  if (first) return dateLiteral(first[3], monthNumber(first[1]!), first[2], text);
  const second = dayFirst.exec(text);
  if (second) return dateLiteral(second[3], monthNumber(second[2]!), second[1], text);
  const third = monthAndYear.exec(text);
  if (third) return dateLiteral(third[2], monthNumber(third[1]!), undefined, text);
  const chinese = chineseDate.exec(text);
  return chinese ? dateLiteral(chinese[1], Number(chinese[2]), chinese[3], text) : undefined;
}

function monthNumber(name: string): number {
  return months.findIndex((month) => month.startsWith(name.slice(0, 3).toLowerCase())) + 1;
}

function dateLiteral(
  yearText: string | undefined,
  month: number,
  dayText: string | undefined,
  written: string,
): LiteralNode | undefined {
  const dayNumber = dayText === undefined ? 1 : Number(dayText);
  if (month < 1 || month > 12 || dayNumber < 1 || dayNumber > 31) return undefined;
  const parts = [yearText ?? '', String(month), dayText === undefined ? '' : String(dayNumber)];
  return { kind: 'literal', shape: 'date', value: parts.join('-'), written };
}

function writtenTime(text: string): LiteralNode | undefined {
  const [, hour, minute, second, half] = clock.exec(text) ?? [];
  if (half !== undefined && Number(hour) >= 1 && Number(hour) <= 12) {
    const sinceMidnight = (Number(hour) % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
    return timeLiteral([sinceMidnight, minute ?? '00', ...(second === undefined ? [] : [second])], text);
  }
  const [, twelve] = middle.exec(text) ?? [];
  if (twelve !== undefined) return timeLiteral([twelve.toLowerCase() === 'noon' ? 12 : 0, '00'], text);
  const [, full] = oClock.exec(text) ?? [];
  return full === undefined ? undefined : timeLiteral([full, '00'], text);
}

function timeLiteral(parts: readonly (string | number)[], written: string): LiteralNode {
  return { kind: 'literal', shape: 'time', value: parts.map(Number).join(':'), written };
}

function writtenCode(text: string): LiteralNode | undefined {
  const numbers = version.exec(text)?.[1];
  if (numbers !== undefined) return { kind: 'literal', shape: 'version', value: numbers, written: text };
  if (phone.test(text))
    return { kind: 'literal', shape: 'phone', value: text.replaceAll(/\D/g, ''), written: text };
  return hexGroups.test(text)
    ? { kind: 'literal', shape: 'address', value: text.toLowerCase(), written: text }
    : undefined;
}

const yearFirstDigits = /(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d]|[-/.]\d)/y;
const yearLastDigits = /(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|(?<=\/)\d{2})(?![\d]|[-/.]\d)/y;
const yearAndMonth = /(\d{4})-(0\d)(?![\d]|[-/.]\d)/y;
const shortPhone = /\d{3}-\d{4}(?![\d]|[-/.]\d)/y;
const dotted = /\d+(?:\.\d+){2,}(?:\/\d{1,2}|:\d{1,5})?(?![\d])/y;
const dashed = /\d+(?:-\d+){2,}(?![\d]|[/.]\d)/y;

/**
 * Returns the literal that begins with the digit at `at`: three or more numbers joined by `-`, `.` or `/`, or
 * `555-1234`.
 */
export function literalAt(text: string, at: number): FoundLiteral | undefined {
  let end = at + 1;
  while (text[end]! >= '0' && text[end]! <= '9') end++;
  const joint = text[end];
  if ((joint !== '-' && joint !== '.' && joint !== '/') || !isBounded(text, at - 1, -1)) return undefined;
  const found = digitDate(text, at) ?? digitCode(text, at);
  return found !== undefined && isBounded(text, found.end, 1) ? found : undefined;
}

/** Returns whether a literal is a separate item; an operator or bracket directly next to it makes it a calculation. */
function isBounded(text: string, from: number, step: 1 | -1): boolean {
  let at = from;
  while (text[at] === ' ' || text[at] === '$') at += step;
  const beside = text[at];
  if (beside === undefined || ',;='.includes(beside)) return true;
  if (at !== from && (isLetter(beside) || beside === '(')) return true;
  if (step === -1) return beside === ':';
  return beside === '.'
    ? text[at + 1] === undefined
    : /^\\(?:text|mathrm|mbox|quad|[ ,;])/.test(text.slice(at, at + 8));
}

function isLetter(character: string): boolean {
  return /[a-z]/i.test(character);
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function digitDate(text: string, at: number): FoundLiteral | undefined {
  const full = match(yearFirstDigits, text, at);
  const early = full && dateLiteral(full[1], Number(full[3]), full[4], full[0]);
  if (early) return { literal: early, end: at + full[0].length };
  const late = match(yearLastDigits, text, at);
  const literal = late && yearLastDate(late[1]!, late[3]!, late[4]!, late[2]!, late[0]);
  if (literal) return { literal, end: at + late[0].length };
  const month = match(yearAndMonth, text, at);
  const date = month && dateLiteral(month[1], Number(month[2]), undefined, month[0]);
  return date ? { literal: date, end: at + month[0].length } : undefined;
}

/**
 * Reads a date that ends with the year: `4/22/2024` and `22.4.2024` are the same day. If both numbers could be the
 * month, the date is ambiguous: `4/5/2024` equals only itself.
 */
function yearLastDate(
  first: string,
  second: string,
  yearText: string,
  joint: string,
  written: string,
): LiteralNode | undefined {
  const [a, b] = [Number(first), Number(second)];
  if (a > 12) return dateLiteral(yearText, b, first, written);
  if (b > 12 || a === b) return dateLiteral(yearText, a, second, written);
  if (dateLiteral(yearText, a, second, written) === undefined) return undefined;
  return { kind: 'literal', shape: 'date', value: `${a}${joint}${b}${joint}${yearText}`, written };
}

function digitCode(text: string, at: number): FoundLiteral | undefined {
  const found = match(shortPhone, text, at) ?? match(dotted, text, at) ?? match(dashed, text, at);
  if (found === null) return undefined;
  const written = found[0];
  if (isGrouped(written)) return undefined;
  const isPhone = /^\d{3}-\d{4}$|^(?:\d{1,3}-)?\d{3}-\d{3}-\d{4}$/.test(written);
  const literal: LiteralNode = isPhone
    ? { kind: 'literal', shape: 'phone', value: written.replaceAll('-', ''), written }
    : { kind: 'literal', shape: written.includes('.') ? 'version' : 'code', value: written, written };
  return { literal, end: at + written.length };
}

/** Returns whether points group thousands, as in `1.234.567`; four parts of at most 255 are an address. */
function isGrouped(written: string): boolean {
  if (!/^\d{1,3}(?:\.\d{3}){2,}$/.test(written)) return false;
  const parts = written.split('.').map(Number);
  return parts.length !== 4 || parts.some((part) => part > 255);
}
