import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { hashKey } from '../core/rng.ts';
import { searchTagNames, searchTags } from '../core/search-tags.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Verifier } from './verifier.ts';

/**
 * Checks the format of an attempt that searches, as R1-Searcher's rewards do: every query is closed, the policy writes
 * no passages itself, and there is one answer at the end.
 */
export const searchFormatConfig = z.strictObject({
  type: z.literal('search-format'),
  /** System whose tags for queries and passages the format uses. */
  tags: z.enum(searchTagNames).default('search-r1'),
  /** Name of the tag around the answer. */
  answer: z
    .string()
    .regex(/^[A-Za-z][\w-]*$/, { error: 'expected the name of a tag, such as answer' })
    .default('answer'),
  /** `opened`: the prompt ends with `<think>`, which the attempt closes exactly once. `free`: not checked. */
  thinking: z.enum(['opened', 'free']).default('free'),
  /** Maximum number of words in the answer. */
  maxWords: z.int().positive().default(10),
});
type SearchFormatConfig = z.output<typeof searchFormatConfig>;

/** Creates the recipe entry for the verifier of a search attempt's format; usually a part of a `composite`. */
export const searchFormat = noun(searchFormatConfig);

/** Opens the verifier, which needs no resources and accepts any problem. */
export function openSearchFormat(config: SearchFormatConfig): Verifier {
  const version = `1-${hashKey(JSON.stringify(config)).toString(36)}`;
  const judge = (completion: string): Verdict => {
    const fault = findFault(completion, config);
    return {
      outcome: fault === undefined ? 'correct' : 'incorrect',
      score: fault === undefined ? 1 : 0,
      reason: fault ?? `has the format of ${config.tags}`,
      verifier: `search-format@${version}`,
    };
  };
  return {
    name: 'search-format',
    version,
    check: () => {},
    verify: (_problem, completion) => Promise.resolve(judge(completion)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Returns the first violation in the text that the policy wrote, without inserted passages; undefined if there is none.
 */
function findFault(
  text: string,
  { tags, answer, thinking, maxWords }: SearchFormatConfig,
): string | undefined {
  const { query, passages } = searchTags[tags];
  const fabricated = passages.find((tag) => text.includes(tag));
  if (fabricated !== undefined) return `fabricated passages: wrote ${fabricated} itself`;
  const queries = pairFault(text, query);
  if (queries !== undefined) return queries;
  const [open, close] = [`<${answer}>`, `</${answer}>`];
  if (countOf(text, open) !== 1 || countOf(text, close) !== 1)
    return `expected one ${open}…${close}, found ${countOf(text, open)} ${open} and ${countOf(text, close)} ${close}`;
  const [start, end] = [text.indexOf(open) + open.length, text.indexOf(close)];
  if (end < start) return `${close} comes before ${open}`;
  const inner = text.slice(start, end).trim();
  if (inner === '') return `${open} is empty`;
  if (query.some((tag) => inner.includes(tag))) return `${open} contains a query`;
  if (text.indexOf(query[0], end) >= 0) return `a query after ${close}`;
  const words = inner.split(/\s+/).length;
  if (words > maxWords) return `an answer of ${words} words; expected at most ${maxWords}`;
  if (text.slice(end + close.length).trim() !== '') return `unexpected text after ${close}`;
  return thinking === 'opened' ? thinkingFault(text, start) : undefined;
}

function thinkingFault(text: string, answerStart: number): string | undefined {
  if (text.includes('<think>')) return 'the prompt has opened <think> already';
  const count = countOf(text, '</think>');
  if (count !== 1) return `expected one </think>, found ${count}`;
  return text.indexOf('</think>') >= answerStart ? '</think> comes after the answer' : undefined;
}

/** Returns why a tag is not alternately opened and closed, each time with content; undefined if it is. */
function pairFault(text: string, [open, close]: readonly [string, string]): string | undefined {
  let at = 0;
  for (;;) {
    const [start, end] = [text.indexOf(open, at), text.indexOf(close, at)];
    if (start < 0) return end < 0 ? undefined : `${close} without ${open}`;
    if (end < start) return end < 0 ? `${open} is not closed` : `${close} without ${open}`;
    const inner = text.slice(start + open.length, end);
    if (inner.includes(open)) return `${open} inside another`;
    if (inner.trim() === '') return `${open} is empty`;
    at = end + close.length;
  }
}

const countOf = (text: string, part: string): number => text.split(part).length - 1;
