import type { Passage } from './numbers-in-text.ts';

/** Number of characters on each side of a value in which to look for the rest of its expression. */
const reach = 60;

/** Matches a value joined to the next value: "17 or ", `$17$ and $`, "9 / ". */
const joinedBefore =
  /(?:\$[^$\n]{1,40}\$|(?<![\w.,])-?\d[\d.,]*(?:\/\d+)?)(?:,?\s+(?:or|and)\s+|\s?[或和]\s?|\s\/\s)$/;
/** Matches a function applied to the next value: "log_2 ", "sin(". */
const functionBefore = /(?<![\w\\])(?:log|ln|lg|sin|cos|tan|cot|sec|csc|exp|sqrt)(?:_\{?\w{1,3}\}?)?\s?\(?$/;
/** Matches the beginning of a tuple or interval: "(17, ", "[". */
const tupleBefore = /[([](?:\s*-?\d[\d./]*\s*,){0,5}\s*$/;
/** Matches terms before the value: "x^2 + ", "5(x-". No character can match in two ways, so a failed match is cheap. */
const termsBefore =
  /(?:(?<![A-Za-z])[A-Za-z](?![A-Za-z])|[\d.^(){}+*/-]| (?=[-+*/])|(?<=[-+*/]) (?![-+*/]))*(?:(?<![A-Za-z])[A-Za-z]|[\d)}]) ?[-+*/] ?$/;
/** Matches a letter added to the value or multiplied by it: " + x", "*y". */
const termAfter = /^\s?[+*·×]\s?[A-Za-z](?![A-Za-z])/;

/**
 * Extends the last value of a text to the complete expression around it, so that 18 is not the answer in "17 or 18",
 * "(17, 18)", "log_2 18", "x + 18" or "18 + x", and 2 is not the answer in "9 / 2".
 */
export function expressionAround(text: string, passage: Passage): Passage {
  const before = text.slice(Math.max(0, passage.start - reach), passage.start);
  const after = text.slice(passage.end, passage.end + reach);
  const close = /^\s*[)\]]/.exec(after)?.[0];
  const open = close === undefined ? undefined : tupleBefore.exec(before)?.[0];
  if (close !== undefined && open !== undefined && (open + passage.text).includes(','))
    return extended(text, passage, open, close);
  const left =
    joinedBefore.exec(before)?.[0] ?? functionBefore.exec(before)?.[0] ?? termsBefore.exec(before)?.[0] ?? '';
  const right = left.endsWith('(') ? (/^\s?\)/.exec(after)?.[0] ?? '') : (termAfter.exec(after)?.[0] ?? '');
  return extended(text, passage, left, right);
}

function extended(text: string, passage: Passage, left: string, right: string): Passage {
  if (left === '' && right === '') return passage;
  const [start, end] = [passage.start - left.length, passage.end + right.length];
  return { text: left + passage.text + right, start, end };
}
