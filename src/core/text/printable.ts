/** Control characters and bidirectional marks. */
const unprintable = /[\p{Cc}\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/**
 * Escapes control characters in text that a terminal will show. Otherwise text from a model, recipe or file could move
 * the cursor, rename the window or hide earlier output.
 *
 * @param options.lines keep line breaks and tabs. By default, these are also escaped, and the result is one
 * line.
 * @example
 * printable('\u001b[2Jdone'); // '␛[2Jdone'
 */
export function printable(text: string, { lines = false } = {}): string {
  return text.replaceAll(unprintable, (character) =>
    lines && (character === '\n' || character === '\t') ? character : picture(character),
  );
}

/** Returns the Unicode control picture for an ASCII control character, and `\u{…}` for any other character. */
function picture(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? '␡' : `\\u{${code.toString(16)}}`;
}
