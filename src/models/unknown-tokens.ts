import type { Message } from '../core/problem.ts';
import type { Renderer } from '../engines/engine.ts';

/** Renders messages and has an unknown token. */
type Reader = Pick<Renderer, 'render' | 'unknownToken'>;

/** Maximum number of prompts to render: enough to detect a tokenizer that cannot read a data set. */
const maxPrompts = 1000;

/**
 * Returns a warning if the tokenizer cannot express all of the prompts, with the share of unknown tokens in the first
 * 1,000; `undefined` if it can.
 */
export function unknownTokenWarning(
  reader: Reader,
  prompts: readonly (readonly Message[])[],
): string | undefined {
  const { unknownToken } = reader;
  if (unknownToken === undefined) return undefined;
  const tokens = prompts.slice(0, maxPrompts).map((prompt) => reader.render(prompt));
  const { unknown, total } = countUnknown(tokens, unknownToken.id);
  if (unknown === 0) return undefined;
  return `${percent(unknown / total)} of prompt tokens are ${unknownToken.text}: the tokenizer cannot encode part of the text, so the model does not see it`;
}

/** Counts the unknown tokens, and all tokens, in sequences. */
export function countUnknown(
  sequences: readonly Int32Array[],
  id: number,
): { readonly unknown: number; readonly total: number } {
  let [unknown, total] = [0, 0];
  for (const tokens of sequences) {
    total += tokens.length;
    for (const token of tokens) if (token === id) unknown++;
  }
  return { unknown, total };
}

/** Formats a share in percent, rounded up to a tenth if it is small: a share above 0 is never shown as 0. */
export const percent = (share: number): string =>
  share >= 0.1 ? `${Math.round(100 * share)} %` : `${(Math.ceil(1000 * share) / 10).toFixed(1)} %`;
