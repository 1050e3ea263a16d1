import type { Choice } from './answer.ts';

/**
 * Ends a choice after the first stop string in its text, as if the server had stopped there and kept the string. Keeps
 * the tokens up to the one that completes the string, or omits all tokens if their texts are unknown. Appends the stop
 * string if the server dropped it from the text but named it.
 *
 * @param stop stop strings; none may be empty.
 */
export function endAtStop(choice: Choice, stop: readonly string[]): Choice {
  const { text, stoppedBy } = choice;
  const end = endOfFirst(text, stop);
  if (end !== undefined) return end === text.length && !choice.isTruncated ? choice : cutAt(choice, end);
  if (stoppedBy === undefined || !stop.includes(stoppedBy)) return choice;
  return { ...choice, text: text + stoppedBy };
}

/** Returns the end index of the stop string that is completed first; undefined if the text contains none. */
function endOfFirst(text: string, stop: readonly string[]): number | undefined {
  const ends = stop.flatMap((one) => (text.includes(one) ? [text.indexOf(one) + one.length] : []));
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function cutAt({ written, tokenCount, pieces, ...choice }: Choice, end: number): Choice {
  const cut = { ...choice, text: choice.text.slice(0, end), isTruncated: false };
  if (pieces === undefined) return { ...cut, ...(tokenCount !== undefined && { tokenCount }) };
  let kept = 0;
  for (let length = 0; length < end; kept++) length += pieces[kept]!.length;
  return {
    ...cut,
    tokenCount: kept,
    pieces: pieces.slice(0, kept),
    ...(written && {
      written: { tokens: written.tokens.subarray(0, kept), logprobs: written.logprobs.subarray(0, kept) },
    }),
  };
}
