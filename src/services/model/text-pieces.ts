import type { Engine } from '../../engines/engine.ts';

/** Turns tokens, as they come, into pieces of text that together are the text of all tokens. */
export interface TextPieces {
  /** What can be shown after these tokens: whole characters, and nothing that may be the beginning of a stop string. */
  add(tokens: Int32Array): string;
  /** What is left to show of the whole text. */
  end(text: string): string;
}

/** @param stops strings that end the text and are not shown. */
export function createTextPieces(engine: Pick<Engine, 'decode'>, stops: readonly string[]): TextPieces {
  const tokens: number[] = [];
  /** Tokens before this one were shown; those from `context` on are decoded with the new ones, as neighbours matter. */
  let shown = 0;
  let context = 0;
  let held = '';
  let length = 0;
  const decode = (from: number, to: number): string => engine.decode(Int32Array.from(tokens.slice(from, to)));
  return {
    add(added) {
      for (const token of added) tokens.push(token);
      const before = decode(context, shown);
      const after = decode(context, tokens.length);
      // A character of several tokens decodes to replacement marks until its last token is there.
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

/** Characters at the end of a text that a stop string may begin with. */
function stopStart(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length));
  for (let keep = Math.min(longest, text.length); keep > 0; keep--)
    if (stops.some((stop) => stop.startsWith(text.slice(-keep)))) return keep;
  return 0;
}

/** The engine keeps the stop string, OpenAI's API leaves it out. */
export function withoutStop(text: string, stops: readonly string[]): string {
  const ending = stops.filter((stop) => text.endsWith(stop)).toSorted((a, b) => b.length - a.length)[0];
  return ending === undefined ? text : text.slice(0, -ending.length);
}
