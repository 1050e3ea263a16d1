/**
 * What is left of a problem's text when spelling is taken away: words in lower case, numbers and operators, each a token.
 * Two texts that a reader would call the same have the same tokens, however their LaTeX was typed.
 */
export function tokensOf(text: string): string[] {
  return plainText(text).match(/[\p{L}]+|\d+(?:\.\d+)?|[^\s\p{L}\d]/gu) ?? [];
}

/** The tokens as one line: equal for texts that differ only in spelling, spacing and mark-up. */
export function normalForm(text: string): string {
  return tokensOf(text).join(' ');
}

/**
 * The numbers of a text in ascending order of spelling. They are what makes two problems of one template different
 * problems, so both dedup and decontamination ask for the same numbers where the words only resemble each other.
 */
export function numbersOf(tokens: readonly string[]): string[] {
  return tokens.filter((token) => /^\d/.test(token)).toSorted();
}

/** Mark-up that says nothing about the problem, and the one spelling of what can be spelled in several ways. */
function plainText(text: string): string {
  let plain = text.normalize('NFKC').toLowerCase();
  if (plain.includes('\\')) plain = plainLatex(plain);
  return plain
    .replaceAll(/(\d)[,\u2009\u202f ](?=\d{3}(?!\d))/g, '$1')
    .replaceAll(/[\u00d7\u22c5\u00b7]/g, '*')
    .replaceAll('\u00f7', '/')
    .replaceAll('\u2264', '<=')
    .replaceAll('\u2265', '>=')
    .replaceAll(/[\u2212\u2010-\u2015]/g, '-')
    .replaceAll('\u03c0', 'pi')
    .replaceAll('\u221a', 'sqrt')
    .replaceAll(/(?<!\d)\.|\.(?!\d)|[${}[\]()"'`,;:!?&~\\_*#\u2018-\u201f]/g, ' ');
}

function plainLatex(text: string): string {
  let plain = text
    .replaceAll(/\\(?:left|right|displaystyle|textstyle|limits|quad|qquad|big+[lr]?|[,;:! ])(?![a-z])/g, ' ')
    .replaceAll(/\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|mbox|emph)\s*(?=\{)/g, ' ')
    .replaceAll(/\\[dtc]?frac\s*(\d)\s*(\d)/g, '\\frac{$1}{$2}')
    .replaceAll(/\\(?:cdot|times|ast)(?![a-z])/g, '*')
    .replaceAll(/\\leq?(?![a-z])/g, '<=')
    .replaceAll(/\\geq?(?![a-z])/g, '>=')
    .replaceAll(/\\(?:dots|ldots|cdots)(?![a-z])/g, ' ');
  // The innermost fractions first; two rounds reach every nesting that is in use.
  for (let round = 0; round < 2; round++)
    plain = plain.replaceAll(/\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, ' $1/$2 ');
  return plain;
}
