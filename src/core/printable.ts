/** Controls, and the marks that turn the direction of writing around. */
const unprintable = /[\p{Cc}\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/**
 * Text of models, recipes and files as a terminal may show it: control characters are shown, not obeyed, so that
 * nobody's answer can move the cursor, rename the window or hide what stands before it.
 *
 * @param options.lines keep line breaks and tabs; else they are shown too, and the result is one line.
 * @example
 * printable('\u001b[2Jdone'); // '␛[2Jdone'
 */
export function printable(text: string, { lines = false } = {}): string {
  return text.replaceAll(unprintable, (character) =>
    lines && (character === '\n' || character === '\t') ? character : picture(character),
  );
}

/** Unicode has pictures of the ASCII controls; the others are shown by number. */
function picture(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? '␡' : `\\u{${code.toString(16)}}`;
}
