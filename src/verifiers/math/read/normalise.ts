import { currencyAsUnit } from './currencies.ts';
import { modernise } from './older-tex.ts';
import { withoutPhrases } from './phrases.ts';
import { markRepeating, withoutTypedSpellings } from './typed-spellings.ts';
import { isAscii, spellInAscii } from './unicode.ts';

/**
 * Rewrites an answer in plain ASCII and modern LaTeX before it is parsed. Converts Unicode to commands, doubled
 * backslashes (from JSON encoded twice) to single ones, and a currency sign to a unit; restores escapes swallowed by a
 * careless string literal; removes words around the value and closing punctuation. Makes a fixed number of passes over
 * at most a thousand characters.
 */
export function normaliseText(source: string): string {
  if (/^-?\d+$/.test(source)) return source;
  const single = undoubleBackslashes(restoreSwallowedEscapes(source));
  const inner = withoutFence(trimPunctuation(markRepeating(single)));
  const valued = currencyAsUnit(withoutPhrases(inner.includes('.m') ? withoutPoints(inner) : inner));
  const modern = modernise(withoutTypedSpellings(isAscii(valued) ? valued : spellInAscii(valued)));
  return trimPunctuation(
    modern.includes('{,') ? modern.replaceAll('{, }', '{,}').replaceAll(' {,}', '{,}') : modern,
  );
}

/** Converts `10:08 a.m.` to `10:08 am`, because the points are not decimal points. */
function withoutPoints(text: string): string {
  return text.replaceAll('p.m', 'pm').replaceAll('a.m', 'am');
}

/**
 * Returns the formula inside `$…$`, `\(…\)` or `\[…\]` if there is no other text; otherwise returns the text unchanged.
 */
function withoutFence(text: string): string {
  if (text[0] !== '$' && text[0] !== '\\') return text;
  const fence = fences.find(([open, close]) => text.startsWith(open) && text.endsWith(close));
  if (fence === undefined || text.length < fence[0].length + fence[1].length) return text;
  const inner = text.slice(fence[0].length, text.length - fence[1].length);
  return inner.includes(fence[1]) || inner.endsWith('\\') ? text : trimPunctuation(inner);
}

const fences = [
  ['$$', '$$'],
  ['\\(', '\\)'],
  ['\\[', '\\]'],
  ['$', '$'],
] as const;

/**
 * Restores `\frac` and `\boxed`, which arrive as form feed + `rac` and backspace + `oxed` if they were written without
 * a raw string.
 */
function restoreSwallowedEscapes(source: string): string {
  if (!source.includes('\f') && !source.includes('\b')) return source;
  return source
    .replaceAll('\\\f', '\\f')
    .replaceAll('\f', '\\f')
    .replaceAll('\\\b', '\\b')
    .replaceAll('\b', '\\b');
}

/** Halves doubled backslashes. In a matrix, `\\` ends a row, unless the backslash of its `\begin` is doubled too. */
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
  while (start < end && (text[start]! <= ' ' || text[start] === ':' || text[start] === '=')) start++;
  return text.slice(start, end);
}

function isClosing(text: string, index: number): boolean {
  const character = text[index]!;
  if (character <= ' ' || character === '.' || character === ':') return true;
  const isEscaped = text[index - 1] === '\\';
  return !isEscaped && (character === ',' || character === ';');
}
