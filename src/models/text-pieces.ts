import type { Renderer } from '../engines/engine.ts';

/** Decodes a stream of tokens into pieces of text, which concatenate to the text of all tokens. */
export interface TextPieces {
  /** Returns the new text that is final after these tokens: whole characters that cannot begin a stop string. */
  add(tokens: Int32Array): string;
  /** Returns the rest of the finished `text`, after the pieces that were already returned. */
  end(text: string): string;
}

/**
 * Creates a decoder for one completion.
 *
 * @param stops strings that end the text and are removed from it.
 */
export function createTextPieces(renderer: Pick<Renderer, 'decode'>, stops: readonly string[]): TextPieces {
  const tokens: number[] = [];
  /**
   * The text of the tokens before `shown` was already returned. Decoding starts at `context`, since the text of a token
   * depends on its neighbours.
   */
  let shown = 0;
  let context = 0;
  let held = '';
  let length = 0;
  const decode = (from: number, to: number): string =>
    renderer.decode(Int32Array.from(tokens.slice(from, to)));
  return {
    add(added) {
      for (const token of added) tokens.push(token);
      const before = decode(context, shown);
      const after = decode(context, tokens.length);
      // A character that spans several tokens decodes to U+FFFD until its last token arrives.
      if (after.length <= before.length || after.endsWith('\uFFFD')) return '';
      [context, shown] = [shown, tokens.length];
      const text = held + after.slice(before.length);
      const keep = stopStart(text, stops);
      held = text.slice(text.length - keep);
      const piece = text.slice(0, text.length - keep);
      length += piece.length;
      return piece;
    },
    end: (text) => text.slice(length),
  };
}

/** Returns the length of the longest suffix of a text that is the beginning of a stop string. */
function stopStart(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length));
  for (let keep = Math.min(longest, text.length); keep > 0; keep--)
    if (stops.some((stop) => stop.startsWith(text.slice(-keep)))) return keep;
  return 0;
}

/** Removes the stop string from the end: engines keep it, OpenAI's API omits it. */
export function withoutStop(text: string, stops: readonly string[]): string {
  const ending = stops.filter((stop) => text.endsWith(stop)).toSorted((a, b) => b.length - a.length)[0];
  return ending === undefined ? text : text.slice(0, -ending.length);
}
