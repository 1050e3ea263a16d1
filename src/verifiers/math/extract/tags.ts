/** The content of an answer tag, as a span of the text. */
interface TagContent {
  readonly start: number;
  readonly end: number;
}

const opening = '<answer>';
const closing = '</answer>';

/**
 * Returns the last `<answer>…</answer>` in a text, in upper or lower case; `unfinished` if the last tag is never
 * closed.
 */
export function lastTag(text: string): TagContent | 'unfinished' | undefined {
  if (!text.includes('<')) return undefined;
  const lower = text.toLowerCase();
  const at = lower.lastIndexOf(opening);
  if (at < 0) return undefined;
  const end = lower.indexOf(closing, at);
  return end < 0 ? 'unfinished' : { start: at + opening.length, end };
}
