import * as z from 'zod';
import { hashKey } from '../core/rng.ts';
import type { Verdict } from '../core/verdict.ts';
import { noun } from '../core/config-builder.ts';
import type { Verifier } from './verifier.ts';

/**
 * Checks that a completion has the required format, regardless of its content: by default
 * `<think>…</think><answer>…</answer>`.
 */
export const formatConfig = z.strictObject({
  type: z.literal('format'),
  /** Names of the required tags. Each must occur exactly once, in this order, with content. */
  tags: z
    .array(z.string().regex(/^[A-Za-z][\w-]*$/, { error: 'expected the name of a tag, such as think' }))
    .min(1)
    .default(['think', 'answer']),
  /** True if the prompt already ends with the first opening tag, as with the chat templates of reasoning models. */
  isOpened: z.boolean().default(false),
  /**
   * Determines whether text may follow the last tag. DeepSeek-R1's format is `tags: ['think'], textAfter: 'required'`.
   */
  textAfter: z.enum(['forbidden', 'allowed', 'required']).default('forbidden'),
  /**
   * Checks meta-actions instead of tags: every step except the first must begin with one of `tokens`, which may occur
   * nowhere else (Satori, arXiv 2502.02508).
   */
  actions: z
    .strictObject({
      /**
       * Tokens such as `<|continue|>` and `<|reflect|>`. They must not be special tokens, which are not part of a
       * completion's text.
       */
      tokens: z.array(z.string().min(1)).min(1),
      /** Text between two steps. */
      separator: z.string().min(1).default('\n\n'),
      /** Tokens that must occur at least once. */
      required: z.array(z.string().min(1)).default([]),
    })
    .optional(),
});
type FormatConfig = z.output<typeof formatConfig>;

/** Creates the recipe entry for the verifier of a completion's format; usually a part of a `composite`. */
export const format = noun(formatConfig);

/** Opens the verifier, which needs no resources and accepts any problem. */
export function openFormat(config: FormatConfig): Verifier {
  const version = `1-${hashKey(JSON.stringify(config)).toString(36)}`;
  const judge = (completion: string): Verdict => {
    const { actions, tags, isOpened } = config;
    const fault =
      actions === undefined
        ? findFault(isOpened ? `<${tags[0]}>${completion}` : completion, config)
        : findActionFault(completion, actions);
    const form = actions === undefined ? tags.map((tag) => `<${tag}>`) : actions.tokens;
    return {
      outcome: fault === undefined ? 'correct' : 'incorrect',
      score: fault === undefined ? 1 : 0,
      reason: fault ?? `has the format ${form.join(' ')}`,
      verifier: `format@${version}`,
    };
  };
  return {
    name: 'format',
    version,
    check: () => {},
    verify: (_problem, completion) => Promise.resolve(judge(completion)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Returns the first violation of the format; undefined if there is none. */
function findFault(text: string, { tags, textAfter }: FormatConfig): string | undefined {
  let at = 0;
  for (const tag of tags) {
    const [open, close] = [`<${tag}>`, `</${tag}>`];
    const twice = [open, close].find((mark) => text.indexOf(mark) !== text.lastIndexOf(mark));
    if (twice !== undefined) return `${twice} occurs more than once`;
    const [start, end] = [text.indexOf(open), text.indexOf(close)];
    if (start < 0) return `${open} is missing`;
    if (end < start) return `${open} is not closed`;
    if (start < at || text.slice(at, start).trim() !== '') return `unexpected text before ${open}`;
    if (text.slice(start + open.length, end).trim() === '') return `${open} is empty`;
    at = end + close.length;
  }
  const hasRest = text.slice(at).trim() !== '';
  if (hasRest && textAfter === 'forbidden') return `unexpected text after </${tags.at(-1)}>`;
  return !hasRest && textAfter === 'required' ? `expected text after </${tags.at(-1)}>` : undefined;
}

/** Returns the first violation of the format of meta-actions; undefined if there is none. */
function findActionFault(
  text: string,
  { tokens, separator, required }: NonNullable<FormatConfig['actions']>,
): string | undefined {
  const [first = '', ...later] = text.split(separator).filter((step) => step.trim() !== '');
  for (const [i, step] of [first, ...later].entries()) {
    const opening = tokens.find((token) => step.trimStart().startsWith(token));
    if (i > 0 && opening === undefined)
      return `step ${i + 1}: expected it to begin with one of ${tokens.join(' ')}`;
    const rest = opening === undefined ? step : step.trimStart().slice(opening.length);
    const inside = tokens.find((token) => rest.includes(token));
    if (inside !== undefined) return `step ${i + 1}: ${inside} does not begin a step`;
    if (rest.trim() === '') return `step ${i + 1} is empty`;
  }
  const missing = required.find((token) => !text.includes(token));
  return missing === undefined ? undefined : `${missing} is missing`;
}
