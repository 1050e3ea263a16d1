/** Control characters, format characters that reorder or hide text, and lone surrogates. */
const hidden = /[\p{Cc}\p{Cs}\u061C\u2028\u2029\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu;

/** Replaces invisible characters: control characters with control pictures, bidirectional marks and lone surrogates
 * with their code points. */
export function visible(text: string): string {
  return text.replaceAll(hidden, (character) => {
    const code = character.codePointAt(0)!;
    if (character === '\n' || character === '\t') return character;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? '␡' : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}
