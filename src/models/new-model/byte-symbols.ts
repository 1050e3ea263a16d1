/**
 * The character that represents each byte in the byte-level vocabularies of GPT-2 and its successors. A byte
 * that is a printable Latin-1 character represents itself; the other bytes are represented by the characters
 * from U+0100 on. The index is the byte.
 */
export const byteSymbols: readonly string[] = symbolsOfBytes();

/** Converts a string to one symbol per UTF-8 byte. */
export function toByteSymbols(text: string): string {
  let symbols = '';
  for (const byte of Buffer.from(text)) symbols += byteSymbols[byte]!;
  return symbols;
}

function symbolsOfBytes(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCodePoint(isPrintable ? byte : next++);
  });
}
