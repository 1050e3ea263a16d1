/**
 * Maximum number of characters between two boxes (`\boxed{…}`) of one answer. With a wider gap, the boxes are separate
 * answers, of which the last one counts.
 */
const maxGap = 40;
/** Maximum number of words between two boxes of one answer. */
const maxWords = 6;

/** Commands for spacing and delimiters, and names of values such as `x_2 =`. */
const notWords = /\\(?:text|quad|qquad|mbox|textrm|[,;:!()[\]])|(?<![A-Za-z])[A-Za-z](?:_\{?\w\}?)?\s*=/g;

/**
 * Returns the connector between two boxes that form one answer, or undefined if they are separate answers. The text
 * between the boxes of one answer contains only punctuation and names of values, or a few words with "and" or "or", as
 * in `\) and \( y_2 =`.
 */
export function boxConnector(gap: string): ', ' | ' or ' | undefined {
  if (gap.length > maxGap) return undefined;
  const words: readonly string[] = gap.replaceAll(notWords, ' ').match(/[A-Za-z]+|[或和]/g) ?? [];
  if (words.length === 0) return gap.includes('\n\n') ? undefined : ', ';
  if (words.length > maxWords) return undefined;
  if (words.includes('or') || words.includes('或')) return ' or ';
  return words.includes('and') || words.includes('和') ? ', ' : undefined;
}
