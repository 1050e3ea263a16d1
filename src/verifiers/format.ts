import * as z from 'zod';
import { hashKey } from '../core/rng.ts';
import type { Verdict } from '../core/verdict.ts';
import { noun } from '../core/noun.ts';
import type { Verifier } from './verifier.ts';

/** Whether a completion has the wanted shape, whatever it says: `<think>…</think><answer>…</answer>` by default. */
export const formatConfig = z.strictObject({
  type: z.literal('format'),
  /** Each must occur exactly once, in this order, and hold something. */
  tags: z
    .array(z.string().regex(/^[A-Za-z][\w-]*$/, { error: 'expected the name of a tag, such as think' }))
    .min(1)
    .default(['think', 'answer']),
  /** The prompt ends with the first opening tag already, as chat templates of reasoning models do. */
  isOpened: z.boolean().default(false),
  /** May anything stand behind the last tag? DeepSeek-R1's format is `tags: ['think'], textAfter: 'required'`. */
  textAfter: z.enum(['forbidden', 'allowed', 'required']).default('forbidden'),
});
type FormatConfig = z.output<typeof formatConfig>;

/** Recipe noun for the shape of completions; a part of a `composite`, seldom a verifier by itself. */
export const format = noun(formatConfig);

/** A verifier without resources; any problem will do. */
export function openFormat(config: FormatConfig): Verifier {
  const version = `1-${hashKey(JSON.stringify(config)).toString(36)}`;
  const judge = (completion: string): Verdict => {
    const fault = findFault(config.isOpened ? `<${config.tags[0]}>${completion}` : completion, config);
    return {
      outcome: fault === undefined ? 'correct' : 'incorrect',
      score: fault === undefined ? 1 : 0,
      reason: fault ?? `has the format ${config.tags.map((tag) => `<${tag}>`).join(' ')}`,
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

/** The first thing that is not as it should be. */
function findFault(text: string, { tags, textAfter }: FormatConfig): string | undefined {
  let at = 0;
  for (const tag of tags) {
    const [open, close] = [`<${tag}>`, `</${tag}>`];
    const twice = [open, close].find((mark) => text.indexOf(mark) !== text.lastIndexOf(mark));
    if (twice !== undefined) return `${twice} occurs more than once`;
    const [start, end] = [text.indexOf(open), text.indexOf(close)];
    if (start < 0) return `there is no ${open}`;
    if (end < start) return `${open} is not closed`;
    if (start < at || text.slice(at, start).trim() !== '') return `something stands before ${open}`;
    if (text.slice(start + open.length, end).trim() === '') return `${open} holds nothing`;
    at = end + close.length;
  }
  const hasRest = text.slice(at).trim() !== '';
  if (hasRest && textAfter === 'forbidden') return `something stands behind </${tags.at(-1)}>`;
  return !hasRest && textAfter === 'required' ? `nothing stands behind </${tags.at(-1)}>` : undefined;
}
