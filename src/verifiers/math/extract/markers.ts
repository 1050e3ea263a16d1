import type { Extracted } from './extracted.ts';
import { boundStart } from './hedges.ts';
import type { Passage } from './numbers-in-text.ts';
import { createFenceReader, passagesAtEnds } from './passages.ts';
import { isDigit } from '../read/numerals.ts';
import { isAscii } from '../read/unicode.ts';

/** Markers that precede an answer, in the languages of common data sets. */
const marks = {
  english: ['answer', '####', 'option', 'choice'],
  latin: ['antwort', 'respuesta', 'risposta', 'resposta', 'reponse'],
  other: ['答案', '选', '答え', '正解', '答', '정답', 'réponse', 'ответ'],
};

/** Words that may precede "answer" in an announcement, unlike in "I hope this answer is helpful". */
const announcers: ReadonlySet<string> = new Set(
  'the final correct our my so thus hence therefore best right exact numerical numeric simplified'.split(' '),
);

/** Matches words between the marker and its verb that qualify the answer. */
const attribute =
  '(?: to (?:the|this|our) (?:question|problem|exercise)| correcta?| correcte| corretta| correta| finale?)?';
const verb =
  '(?:(?:would|should|must|will) be|is|are|equals|comes (?:out )?to|turns out to be|est|es|ist|lautet|è|é)(?![a-zà-ÿ])';
const adverb = '(?: (?:thus|therefore|then|hence|simply|just|only|clearly|indeed)(?= ))?';

/** Matches the text between a marker and its answer. */
const links = {
  chinese: /\s*[】]?\s*(?:应该|应当|应|就)?(?:选择?|选项|[是为项择은는は])?\s*[:：]?[\s*]*/y,
  western: new RegExp(`["']?(?:s(?= ))?${attribute}[ *_]*(?:${verb}${adverb})?[ :：=*\\n"_\`]*`, 'y'),
};

/** Matches the beginning of a claim after a marker, unlike in "the answer depends". */
const claim = new RegExp(`["']?(?:s(?= ))?${attribute}[ *_]*(?:${verb}|[:：=])`, 'y');

/** Maximum number of markers to try, beginning with the last one. */
const maxTries = 5;

/**
 * Returns the answer after the last "the answer is", "answer:", "答案是" or "####": the rest of the sentence if it can be
 * read as an answer, else the formula or number at its beginning, else the last one in it. With `isFinalOnly`, accepts
 * only "final answer".
 */
export function lastMarked(
  text: string,
  isFinalOnly: boolean,
  isAnswer: (text: string) => boolean,
): Extracted | undefined {
  const lower = text.toLowerCase();
  const present = isFinalOnly ? ['answer', '答案'] : marksIn(lower);
  let before = lower.length;
  for (let tries = 0; tries < maxTries && before > 0; tries++) {
    const found = lastOf(present, lower, before);
    if (found === undefined) return undefined;
    const { mark, at } = found;
    const start = isAnnounced(lower, mark, at, isFinalOnly) ? contentStart(text, mark, at) : undefined;
    const passage = start === undefined ? undefined : afterMark(text, start, isAnswer);
    if (passage) return { ...passage, by: 'marker' };
    before = at;
  }
  return undefined;
}

function marksIn(lower: string): readonly string[] {
  const isIn = (mark: string): boolean => lower.includes(mark);
  const english = marks.english.filter(isIn);
  const foreign = isAscii(lower) ? [] : marks.other.filter(isIn);
  return english[0] === 'answer'
    ? [...english, ...foreign]
    : [...english, ...marks.latin.filter(isIn), ...foreign];
}

/** Returns the last marker that begins before a position; if two begin at the same position, returns the longer one. */
function lastOf(
  present: readonly string[],
  lower: string,
  before: number,
): { readonly mark: string; readonly at: number } | undefined {
  let last: { readonly mark: string; readonly at: number } | undefined;
  for (const mark of present) {
    const at = lower.lastIndexOf(mark, before - 1);
    if (at >= 0 && at > (last?.at ?? -1)) last = { mark, at };
  }
  return last;
}

/**
 * Returns whether a marker announces an answer, judging by the word before "answer". At the start of a line, and for
 * most other markers, no such word is needed.
 */
function isAnnounced(lower: string, mark: string, at: number, isFinalOnly: boolean): boolean {
  const line = lower
    .slice(Math.max(0, at - 24), at)
    .split('\n')
    .at(-1)!;
  const word = line.match(/[a-z]+(?=[ *_]*$)/)?.[0];
  if (mark === 'option' || mark === 'choice')
    return !isFinalOnly && word !== undefined && ['correct', 'best', 'right'].includes(word);
  if (mark !== 'answer') return (!isFinalOnly || mark === '答案') && !/[不排除]$/.test(line);
  if (isFinalOnly) return word === 'final' || /^[ *_#]*$/.test(line);
  return word === undefined || announcers.has(word);
}

/**
 * Returns the position after a marker and its "is" or colon; undefined if it has neither, as in "the answer depends".
 */
function contentStart(text: string, mark: string, at: number): number | undefined {
  const after = at + mark.length;
  if (mark === '####') return skipSpaces(text, after);
  const isChinese = /^[答选정正]/.test(mark);
  if (isChinese && text[after] === '不') return after;
  const link = isChinese ? links.chinese : links.western;
  link.lastIndex = after;
  const length = link.exec(text)?.[0].trim().length ?? 0;
  const start = link.lastIndex;
  return isClaim(text, mark, after, length) && start < text.length ? start : undefined;
}

function isClaim(text: string, mark: string, after: number, linked: number): boolean {
  if (mark === '答') return /^\s*[:：]/.test(text.slice(after, after + 4));
  if (/^[答选정正]/.test(mark)) return linked > 0 || mark.includes('选');
  claim.lastIndex = after;
  return claim.test(text);
}

/** Matches a remark after an answer that is complete without it: "(since 6 · 7 = 42)", ", not 41". */
const remark = /^\s*[,(]?\s*(?:since|because|as|for|by|not|and not|which|where|so|i\.e\.|assuming|given)\b/i;

/** Matches words that turn the value before them into a bound. */
const openEnd = /^\s*(?:以上|以下|以内|or (?:more|less|fewer|above|below|higher|lower)\b)/;

function afterMark(text: string, start: number, isAnswer: (text: string) => boolean): Passage | undefined {
  const end = sentenceEnd(text, start);
  const sentence = text.slice(start, end).replaceAll('**', '').trim();
  if (sentence === '') return undefined;
  const { first, last, count } = passagesAtEnds(text.slice(start, end));
  const isWholeSentence = count === 1 && first!.start === 0 && first!.end >= end - start - 2;
  const hasRemark = first?.start === 0 && remark.test(text.slice(start + first.end, end));
  if (!isWholeSentence && !hasRemark && isAnswer(sentence)) return { text: sentence, start, end };
  const chosen = first?.start === 0 ? first : last;
  if (chosen === undefined) return undefined;
  const from = start + chosen.start;
  const hedge = text.slice(Math.max(start, boundStart(text, from)), from);
  const after = openEnd.exec(text.slice(start + chosen.end, end))?.[0] ?? '';
  return {
    text: hedge + chosen.text + after,
    start: from - hedge.length,
    end: chosen.end + start + after.length,
  };
}

/** Returns the end of the line or sentence; ignores points in decimals and in formulas. */
function sentenceEnd(text: string, start: number): number {
  const fenceAt = createFenceReader(text);
  for (let index = start; index < text.length; index++) {
    const fence = fenceAt(index);
    const character = text[index]!;
    if (fence) index = fence.end - 1;
    else if (character === '\n' || character === '。' || character === '；') return index;
    else if (character === '.' && !isDigit(text[index + 1]) && !isAbbreviation(text, index)) return index;
    else if (character === '，' && /\p{Script=Han}/u.test(text[index + 1] ?? '')) return index;
  }
  return text.length;
}

/** Returns whether a point belongs to "a.m." or "p.m.". */
function isAbbreviation(text: string, at: number): boolean {
  return /[ap]/i.test(text[at - 1] ?? '') && /^\.\s?m\b/i.test(text.slice(at, at + 3));
}

function skipSpaces(text: string, at: number): number {
  let index = at;
  while (text[index] === ' ') index++;
  return index;
}
