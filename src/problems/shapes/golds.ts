import { DataError } from '../../core/errors.ts';
import { boxConnector } from '../../core/text/box-connector.ts';
import { parseJson, stringifyJson } from '../../core/lossless-json.ts';
import { readStructure } from './structured-text.ts';

/** Returns the text after the last `####`, GSM8K's answer marker; undefined if there is none. */
export function afterHashes(text: string): string | undefined {
  const mark = text.lastIndexOf('####');
  return mark < 0 ? undefined : text.slice(mark + 4).trim() || undefined;
}

/**
 * Returns the content of the last `\boxed{…}`, `\fbox{…}` or `\boxed 3` of a worked solution. Braces inside the box
 * must balance; a box without braces ends with the formula, as in MATH's own code. An unfinished last box gives
 * `undefined`. Boxes with braces that form one answer are joined, as in the verifier: `\boxed{2} or \boxed{3}` gives `2
 * or 3`.
 */
export function lastBoxed(text: string): string | undefined {
  const [last, ...earlier] = [...text.matchAll(/\\(?:boxed|fbox|framebox)(?![a-zA-Z])\s*/g)].toReversed();
  if (last === undefined) return undefined;
  let first = boxAt(text, last);
  let answer = first.content;
  const seen = new Set([answer]);
  for (const command of answer === '' ? [] : earlier) {
    const box = boxAt(text, command);
    const isClosed = box.content !== '' && box.end <= first.start;
    const connector = isClosed ? boxConnector(text.slice(box.end, first.start)) : undefined;
    if (connector === undefined) break;
    if (!seen.has(box.content)) answer = `${box.content}${connector}${answer}`;
    seen.add(box.content);
    first = box;
  }
  return answer || undefined;
}

interface Box {
  readonly start: number;
  readonly end: number;
  /** Content of the box; empty if the box is unfinished. */
  readonly content: string;
}

/**
 * Returns the box that a command opens; a box without braces ends with its formula and is never joined with another.
 */
function boxAt(text: string, { index, 0: command }: RegExpExecArray): Box {
  const open = index + command.length;
  if (text[open] !== '{') return { start: index, end: text.length, content: unbraced(text.slice(open)) };
  const end = braceEnd(text, open + 1);
  return { start: index, end: end + 1, content: text.slice(open + 1, Math.max(end, 0)).trim() };
}

/** Returns the index of the closing brace, or -1 without one. */
function braceEnd(text: string, start: number): number {
  let depth = 1;
  for (let end = start; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '{') depth++;
    else if (text[end] === '}' && --depth === 0) return end;
  }
  return -1;
}

function unbraced(text: string): string {
  return /^(?:\\[^)\]]|[^$\n\\])*/
    .exec(text)![0]
    .trim()
    .replace(/[.,;:]+$/, '')
    .trim();
}

/** Names of fields that may wrap a gold. */
const goldNames = ['answer', 'final_answer', 'ground_truth', 'expected_answer', 'target', 'value', 'gold'];

/**
 * Unwraps a gold from a list with one element or an object with one field such as `answer`, either of which may be
 * encoded as JSON or Python text; `"\"3\""` gives `3`. Other values are returned unchanged.
 *
 * @throws DataError if the value is a list of several golds or any other object.
 */
export function onlyGold(value: unknown, column: string): unknown {
  const gold = structureOf(value);
  if (typeof gold !== 'object' || gold === null) return gold === value ? gold : onlyGold(gold, column);
  if (Array.isArray(gold)) {
    if (gold.length === 1) return onlyGold(gold[0], column);
    throw new DataError(
      `column "${column}": expected one gold answer, got ${gold.length}; leave the row out`,
    );
  }
  const [[name, only] = [], ...others] = Object.entries(gold);
  if (name !== undefined && others.length === 0 && goldNames.includes(name)) return onlyGold(only, column);
  throw new DataError(
    `column "${column}": expected an answer, got an object: ${stringifyJson(gold).slice(0, 60)}; ` +
      'name the column of the answer, or state the domain of a verifier that reads such golds',
  );
}

/**
 * Parses a list or object encoded as a string. `[1, 2]` and `{3}` stay strings: in a formula they are an interval or a
 * set.
 */
function structureOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^\s*"[^]*"\s*$/.test(value)) return quoted(value);
  if (!/^\s*(?:\[\s*["'{]|\{\s*["']|\[\s*-?[\d.]+\s*\]\s*$)/.test(value)) return value;
  return readStructure(value) ?? value;
}

function quoted(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
