import type { Extracted } from './extracted.ts';
import { isDigit, scanNumeral } from '../read/numerals.ts';

/** How formulas are fenced; the inline ones end on the line they begin on. */
const fences = [
  { open: '$$', close: '$$', isInline: false },
  { open: '\\[', close: '\\]', isInline: false },
  { open: '\\(', close: '\\)', isInline: true },
  { open: '$', close: '$', isInline: true },
] as const;

/** A formula longer than this is not an answer. */
const maxFormula = 1000;

/** A formula or a number somewhere in a text. */
interface Passage {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Words that may stand before "answer" where one is announced; "I hope this answer is helpful" announces none. */
const announcers: ReadonlySet<string> = new Set(
  'the final correct our my so thus hence therefore'.split(' '),
);

/**
 * What follows the last "the answer is", "answer:" or "####": the rest of the sentence if that reads as an answer, or
 * else the formula or number it begins with, or the last one in it. `isFinalOnly` looks for "final answer" alone.
 */
export function lastMarked(
  text: string,
  isFinalOnly: boolean,
  isAnswer: (text: string) => boolean,
): Extracted | undefined {
  const lower = text.toLowerCase();
  let before = lower.length;
  for (let tries = 0; tries < 5 && before > 0; tries++) {
    const at = Math.max(lower.lastIndexOf('answer', before - 1), lower.lastIndexOf('####', before - 1));
    if (at < 0) return undefined;
    const found = isAnnounced(lower, at, isFinalOnly) ? afterMarker(text, at, isAnswer) : undefined;
    if (found) return { ...found, by: 'marker' };
    before = at;
  }
  return undefined;
}

/** Judged by the word before; at the start of a line none is needed. */
function isAnnounced(lower: string, at: number, isFinalOnly: boolean): boolean {
  const line = lower
    .slice(Math.max(0, at - 24), at)
    .split('\n')
    .at(-1)!;
  const word = line.match(/[a-z]+(?=[ *]*$)/)?.[0];
  if (isFinalOnly) return word === 'final';
  return word === undefined || announcers.has(word);
}

/** The last formula or number of a text; numbers inside formulas and inside words do not count. */
export function lastCandidate(text: string): Extracted | undefined {
  const last = passages(text).at(-1);
  return last && { ...last, by: 'last formula or number' };
}

function afterMarker(text: string, at: number, isAnswer: (text: string) => boolean): Passage | undefined {
  const start = contentStart(text, at);
  if (start === undefined) return undefined;
  const end = sentenceEnd(text, start);
  const sentence = text.slice(start, end).replaceAll('**', '').trim();
  if (sentence === '') return undefined;
  const found = passages(text.slice(start, end));
  const isWholeSentence = found.length === 1 && found[0]!.start === 0 && found[0]!.end >= end - start - 2;
  if (!isWholeSentence && isAnswer(sentence)) return { text: sentence, start, end };
  const chosen = found[0]?.start === 0 ? found[0] : found.at(-1);
  return chosen && { text: chosen.text, start: chosen.start + start, end: chosen.end + start };
}

/** Behind "answer", an optional "is" and a colon; nothing if neither is there, as in "the answer depends". */
function contentStart(text: string, at: number): number | undefined {
  if (text.startsWith('####', at)) return skip(text, at + 4, ' ');
  let index = skip(text, at + 'answer'.length, ' *');
  const isClaim = text.startsWith('is', index) || text[index] === ':' || text[index] === '=';
  if (!isClaim) return undefined;
  if (text.startsWith('is', index)) index += 2;
  index = skip(text, index, ' :=*\n"');
  return index < text.length ? index : undefined;
}

/** The end of the line or sentence, not counting the points of decimals and those inside formulas. */
function sentenceEnd(text: string, start: number): number {
  const fenceAt = createFenceReader(text);
  for (let index = start; index < text.length; index++) {
    const fence = fenceAt(index);
    if (fence) index = fence.end - 1;
    else if (text[index] === '\n') return index;
    else if (text[index] === '.' && !isDigit(text[index + 1])) return index;
  }
  return text.length;
}

function passages(text: string): Passage[] {
  const found: Passage[] = [];
  const fenceAt = createFenceReader(text);
  for (let at = 0; at < text.length; at++) {
    const fence = fenceAt(at);
    if (fence) {
      if (fence.text.trim() !== '') found.push(withPercent(text, fence));
      at = fence.end - 1;
    } else if (isDigit(text[at]) || (text[at] === '.' && isDigit(text[at + 1]))) {
      const number = numberAt(text, at);
      if (!isWordCharacter(text[at - 1])) found.push(withPercent(text, number));
      at = number.end - 1;
    }
  }
  return found;
}

/**
 * Reads the formula that opens at a place, if one does; its text is empty when inline fences stand on different lines.
 * Places must be asked for in rising order: then each closing fence is looked for once, and the whole stays linear.
 */
function createFenceReader(text: string): (at: number) => Passage | undefined {
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

/** `$5 and then $` is money, not a formula: prose stands between the dollar signs. */
function isCurrency(text: string, start: number, close: number): boolean {
  if (!isDigit(text[start])) return false;
  return (
    /(?<![a-z])[a-z]{3,} [a-z]{2}/.test(text.slice(start, close)) && !text.slice(start, close).includes('\\')
  );
}

function numberAt(text: string, at: number): Passage {
  const isNegative =
    (text[at - 1] === '-' || text[at - 1] === '−') && !isWordCharacter(text[at - 2]) && text[at - 2] !== ')';
  const numeral = scanNumeral(text, at, 'groups');
  let end = numeral.end;
  if (text[end] === ',' && isDigit(text[end + 1]) && !isDigit(text[at - 1]))
    end = scanNumeral(text, end + 1, 'separates').end;
  if (text[end] === '/' && isDigit(text[end + 1])) end = scanNumeral(text, end + 1, 'groups').end;
  const start = isNegative ? at - 1 : at;
  return { text: text.slice(start, end), start, end };
}

/** `$28$ %` and `28 percent` carry their sign outside. */
function withPercent(text: string, passage: Passage): Passage {
  const rest = text.slice(passage.end, passage.end + 12);
  const sign = /^\s*(?:\\?%|percent|pct)/.exec(rest)?.[0];
  return sign === undefined
    ? passage
    : { text: `${passage.text}\\%`, start: passage.start, end: passage.end + sign.length };
}

function isWordCharacter(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}_]/u.test(character);
}

function skip(text: string, at: number, characters: string): number {
  let index = at;
  while (index < text.length && characters.includes(text[index]!)) index++;
  return index;
}
