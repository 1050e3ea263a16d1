/**
 * Tokenizes a text independently of its spelling: lower-case words, numbers, operators and brackets. The same content
 * gives the same tokens, however its LaTeX is written; different content gives different tokens: `2(3+4)` keeps its
 * brackets, `5!` its factorial.
 */
export function tokensOf(text: string): string[] {
  return plainText(text).match(/\p{L}+|\d+(?:\.\d+)?|[^\s\p{L}\d]/gu) ?? [];
}

/** Returns the tokens that survive a paraphrase: all except brackets. */
export function contentOf(tokens: readonly string[]): string[] {
  return tokens.filter((token) => token !== '(' && token !== ')');
}

/**
 * Returns the numbers among tokens, sorted as strings. They distinguish two problems from one template, so dedup and
 * decontamination require equal numbers if the words are only similar.
 */
export function numbersOf(tokens: readonly string[]): string[] {
  return tokens.filter((token) => /^\d/.test(token)).toSorted();
}

function plainText(text: string): string {
  let plain = text.toLowerCase();
  if (/[\\{}]/.test(plain)) plain = plainLatex(plain);
  if (/[^\0-\u007f]/.test(plain)) plain = plainSymbols(plain.normalize('NFKC'));
  return plain
    .replaceAll(/(?<=\d),(?=\d{3}(?!\d))/g, '')
    .replaceAll(/(?<=\w)\*\*(?=\w)/g, '^')
    .replaceAll('**', ' ')
    .replaceAll('[', '(')
    .replaceAll(']', ')')
    .replaceAll(/(?<!\d)\.|\.(?!\d)|(?<![\w)])!|'(?!\()|[$"`,;:?&~\\_#]/g, ' ');
}

/** Replaces LaTeX and Unicode symbols with their plain spellings. */
function plainSymbols(text: string): string {
  return text
    .replaceAll(/[\u00d7\u22c5\u00b7]/g, '*')
    .replaceAll('\u00f7', '/')
    .replaceAll('\u2264', '<=')
    .replaceAll('\u2265', '>=')
    .replaceAll(/[\u2212\u2010-\u2015]/g, '-')
    .replaceAll('\u03c0', 'pi')
    .replaceAll('\u221a', 'sqrt')
    .replaceAll(/[\u2018-\u201f]/g, ' ');
}

/** Removes LaTeX that only changes the layout, and unifies alternative spellings. */
function plainLatex(text: string): string {
  let plain = text
    .replaceAll(/\\[()[\]]/g, ' ')
    .replaceAll(
      /\\(?:left|right|displaystyle|textstyle|limits|quad|qquad|big+[lr]?)(?![a-z])|\\[,;:! ]|~/g,
      ' ',
    )
    .replaceAll(
      /\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|mbox|emph)\s*\{([^{}]*)\}/g,
      ' $1 ',
    )
    .replaceAll(/\\[dtc]?frac\s*(\d)\s*(\d)/g, ' $1/$2 ')
    .replaceAll(/\\(?:cdot|times|ast)(?![a-z])/g, '*')
    .replaceAll(/\\leq?(?![a-z])/g, '<=')
    .replaceAll(/\\geq?(?![a-z])/g, '>=')
    .replaceAll(/\\[lc]?dots(?![a-z])/g, ' ')
    .replaceAll('{,}', ',')
    .replaceAll(/\{\s*([a-z]+|\d+)\s*\}/g, ' $1 ');
  // Replace the innermost fractions first; two rounds cover all nesting found in practice.
  for (let round = 0; round < 2 && plain.includes('frac'); round++)
    plain = plain.replaceAll(
      /\\[dtc]?frac\s*(?:\{([^{}]*)\}|([a-z]+|\d+))\s*(?:\{([^{}]*)\}|([a-z]+|\d+))/g,
      (_, top?: string, oneTop?: string, bottom?: string, oneBottom?: string) =>
        ` ${oneTop ?? `(${top})`}/${oneBottom ?? `(${bottom})`} `,
    );
  return plain.replaceAll('{', '(').replaceAll('}', ')');
}
