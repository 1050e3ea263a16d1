import type { Extracted } from './extracted.ts';
import { isDigit } from '../read/numerals.ts';
import { bareTexAt } from './bare-tex.ts';
import { expressionAround } from './expression-around.ts';
import { boundStart } from './hedges.ts';
import {
  isWordCharacter,
  monthDateAt,
  numberAt,
  type NumberSpan,
  type Passage,
  withSuffix,
} from './numbers-in-text.ts';

/** Fences of formulas; an inline fence must end on the line on which it begins. */
const fences = [
  { open: '$$', close: '$$', isInline: false },
  { open: '\\[', close: '\\]', isInline: false },
  { open: '\\(', close: '\\)', isInline: true },
  { open: '$', close: '$', isInline: true },
] as const;

/** Maximum length of a formula that can be an answer. */
const maxFormula = 1000;

/**
 * Returns the last formula or number in a text, with the expression around it and a preceding "not" or "at most".
 * Numbers inside formulas and words do not count. Returns undefined if the text ends with a term such as `2x`.
 */
export function lastCandidate(text: string): Extracted | undefined {
  const last = spansOf(text, true).at(-1);
  if (last === undefined || ('isPart' in last && last.isPart)) return undefined;
  const passage = expressionAround(text, passageOf(text, last));
  const start = boundStart(text, passage.start);
  const hedge = text.slice(start, passage.start);
  return { ...passage, text: hedge + passage.text, start, by: 'last formula or number' };
}

/** Returns the first and the last formula or number in a text, and their total count. */
export function passagesAtEnds(text: string): {
  readonly first?: Passage;
  readonly last?: Passage;
  readonly count: number;
} {
  const spans = spansOf(text);
  const [first, last] = [spans[0], spans.at(-1)];
  if (first === undefined || last === undefined) return { count: 0 };
  return { first: passageOf(text, first), last: passageOf(text, last), count: spans.length };
}

function passageOf(text: string, span: Passage | NumberSpan): Passage {
  return 'text' in span ? withPercent(text, span) : withSuffix(text, span);
}

/**
 * Returns, in order, every formula (in a fence or in bare TeX) and every number outside formulas. With `withParts`,
 * also returns numbers that are part of a term, such as the 2 in `2x`.
 */
function spansOf(text: string, withParts = false): (Passage | NumberSpan)[] {
  const found: (Passage | NumberSpan)[] = [];
  const fenceAt = createFenceReader(text);
  for (let at = nextStart(text, 0); at >= 0; at = nextStart(text, at + 1)) {
    const fence = fenceAt(at);
    if (fence) {
      if (fence.text.trim() !== '') found.push(fence);
      at = fence.end - 1;
      continue;
    }
    const date = monthDateAt(text, at);
    if (date) {
      found.push(date);
      at = date.end - 1;
    } else if (startsNumber(text, at)) {
      const number = numberAt(text, at);
      const formula = bareTexAt(text, number.end);
      if (formula) found.push(formula);
      else if (!isWordCharacter(text[at - 1]) && (!number.isPart || (withParts && !isPowerOfUnit(text, at))))
        found.push(number);
      at = (formula ?? number).end - 1;
    } else {
      const formula = bareTexAt(text, at);
      if (formula) found.push(formula);
      at = (formula?.end ?? at + 1) - 1;
    }
  }
  return found;
}

/** Returns whether a number is the exponent of a unit, as in `cm^2` and `\text{ cm}^2`. */
function isPowerOfUnit(text: string, at: number): boolean {
  return /(?:[A-Za-z]{2}|\})\^\{?$/.test(text.slice(Math.max(0, at - 4), at));
}

/** Matches the first characters of fences, numbers and dates. */
const firstSign = /[$\\\d.√JFMASOND]/g;

/** Returns the next position at which a formula, a number or a date may begin; -1 if there is none. */
function nextStart(text: string, from: number): number {
  firstSign.lastIndex = from;
  return firstSign.exec(text)?.index ?? -1;
}

function startsNumber(text: string, at: number): boolean {
  const character = text[at];
  return isDigit(character) || ((character === '.' || character === '√') && isDigit(text[at + 1]));
}

/**
 * Returns a function that reads the formula that opens at a position; undefined if none does. The formula's text is
 * empty if its inline fences are on different lines. Call it with ascending positions: each closing fence is then
 * searched for only once, and the total time is linear.
 */
export function createFenceReader(text: string): (at: number) => Passage | undefined {
  const nextClosing = new Map<string, number>();
  const closing = (fence: string, from: number): number => {
    let at = nextClosing.get(fence) ?? -1;
    if (at < from) {
      at = text.indexOf(fence, from);
      while (at > 0 && fence[0] === '$' && text[at - 1] === '\\') at = text.indexOf(fence, at + 1);
      nextClosing.set(fence, at < 0 ? Number.POSITIVE_INFINITY : at);
    }
    return at < 0 ? Number.POSITIVE_INFINITY : at;
  };
  return (at) => {
    const character = text[at];
    if ((character !== '$' && character !== '\\') || text[at - 1] === '\\') return undefined;
    const fence = fences.find(({ open }) => text.startsWith(open, at));
    if (fence === undefined) return undefined;
    const start = at + fence.open.length;
    const close = closing(fence.close, start);
    if (close > start + maxFormula || (fence.open === '$' && isCurrency(text, start, close)))
      return undefined;
    const content = text.slice(start, close);
    return {
      text: fence.isInline && content.includes('\n') ? '' : content,
      start: at,
      end: close + fence.close.length,
    };
  };
}

/** Returns whether two dollar signs enclose prose, as in `$5 and then $`, where they denote money. */
function isCurrency(text: string, start: number, close: number): boolean {
  if (!isDigit(text[start])) return false;
  return (
    /(?<![a-z])[a-z]{3,} [a-z]{2}/.test(text.slice(start, close)) && !text.slice(start, close).includes('\\')
  );
}

/** Adds a percent sign that follows outside the formula, as in `$28$ %` and `28 percent`. */
function withPercent(text: string, passage: Passage): Passage {
  const rest = text.slice(passage.end, passage.end + 12);
  const sign = /^\s*(?:\\?%|percent|pct)/.exec(rest)?.[0];
  return sign === undefined
    ? passage
    : { text: `${passage.text}\\%`, start: passage.start, end: passage.end + sign.length };
}
