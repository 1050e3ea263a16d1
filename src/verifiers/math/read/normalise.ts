import { unicodeSpellings } from './vocabulary.ts';

/**
 * Spells an answer in ASCII and LaTeX: Unicode operators become commands, doubled backslashes (JSON written twice)
 * become single ones, escapes that a sloppy string literal swallowed come back, and closing punctuation goes.
 * One pass over at most a thousand characters; what the signs mean is the tokenizer's business.
 */
export function normaliseText(source: string): string {
  const restored = restoreSwallowedEscapes(source);
  const single = undoubleBackslashes(restored);
  const text = isAscii(single) ? single : inAscii(single);
  return trimPunctuation(
    text.replaceAll('{, }', '{,}').replaceAll(' {,}', '{,}').replaceAll('p.m', 'pm').replaceAll('a.m', 'am'),
  );
}

function isAscii(text: string): boolean {
  return /^[\n\x20-\x7e]*$/.test(text);
}

function inAscii(text: string): string {
  let ascii = '';
  for (const character of text) ascii += unicodeSpellings[character] ?? character;
  return ascii;
}

/** `"\frac"` and `"\boxed"` written without a raw string arrive as form feed + `rac` and backspace + `oxed`. */
function restoreSwallowedEscapes(source: string): string {
  if (!source.includes('\f') && !source.includes('\b')) return source;
  return source
    .replaceAll('\\\f', '\\f')
    .replaceAll('\f', '\\f')
    .replaceAll('\\\b', '\\b')
    .replaceAll('\b', '\\b');
}

/** In a matrix `\\` ends a row, unless its own `\begin` is doubled too. */
function undoubleBackslashes(source: string): string {
  if (!source.includes('\\\\')) return source;
  const hasRows = source.includes('\\begin') && !source.includes('\\\\begin');
  return hasRows ? source : source.replaceAll('\\\\', '\\');
}

function trimPunctuation(text: string): string {
  let [start, end] = [0, text.length];
  const isBold = text.startsWith('**') && text.trimEnd().endsWith('**') && text.length > 4;
  if (isBold) return trimPunctuation(text.trimEnd().slice(2, -2));
  while (end > start && isClosing(text, end - 1)) end--;
  while (start < end && (text[start]! <= ' ' || text[start] === ':')) start++;
  return text.slice(start, end);
}

function isClosing(text: string, index: number): boolean {
  const character = text[index]!;
  if (character <= ' ' || character === '.' || character === ':') return true;
  const isEscaped = text[index - 1] === '\\';
  return !isEscaped && (character === ',' || character === ';');
}
