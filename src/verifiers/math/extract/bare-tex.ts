import type { Passage } from './numbers-in-text.ts';

/** Matches commands that hardly occur outside formulas; other commands (`\text`, `\n`) do not begin a formula. */
const command =
  String.raw`\\(?:[dtc]?frac|sqrt|[dt]?binom|pi|infty|cdot|times|left|right|pm|mp|leq?|geq?|neq?|in|cup|cap|mathbb\s?\{[A-Z]\}|` +
  String.raw`alpha|beta|gamma|delta|theta|lambda|mu|phi|omega|log|ln|sin|cos|tan)(?![a-zA-Z])`;
const braced = String.raw`\{(?:[^{}\n]|\{(?:[^{}\n]|\{[^{}\n]{0,40}\}){0,60}\}){0,120}\}`;
const inBrackets = String.raw`[([](?:\\[A-Za-z]+(?![A-Za-z])|\\[^A-Za-z\n]|[^\\A-Za-z()[\]\n]|[A-Za-z](?![A-Za-z])){1,60}[)\]]`;
const letter = '(?<![A-Za-z])[A-Za-z](?![A-Za-z])';
const number = String.raw`\d+(?:\.\d+)?`;
const operator = String.raw`\s?[-+=<>]\s?(?=[\d\\(])`;

/** Matches the rest of a formula after its first command: no words, and spaces only next to commands and operators. */
const formula = new RegExp(
  String.raw`${command}(?:${command}|(?<=[a-z}])\s(?=[-\d(\\[])(?!\s\\(?![a-zA-Z]))|${braced}|${inBrackets}|${number}|[\^_*/!'|]|[,](?=[\d\\-])|${operator}|(?<=[\d}^_)])${'[A-Za-z](?![A-Za-z])'})*`,
  'y',
);
/** Matches text that may directly precede the first command: signs, numbers and single letters. */
const beginning = new RegExp(String.raw`(?:${letter}(?:_\{?\w\}?)?|[\d.(^*/+=|!,'-]|\[)*$`);
/** Matches the left side of a relation or set operation, followed by a space: `x `, `(0,1) `. */
const leftSide = new RegExp(String.raw`(?:${letter}|${inBrackets}|${number}|\})\s$`);
const joins = /^\\(?:pm|mp|leq?|geq?|neq?|in|cup|cap|cdot|times)(?![a-zA-Z])/;

/** Maximum number of characters before a command in which to look for the beginning of its formula. */
const reach = 60;

/**
 * Returns the formula, in TeX without dollar signs, whose first command is at `at`, with the signs and numbers before
 * the command: `-2\sqrt{3}`, `x \in [0,1)`. Returns undefined if no formula begins there.
 */
export function bareTexAt(text: string, at: number): Passage | undefined {
  if (text[at] !== '\\') return undefined;
  formula.lastIndex = at;
  const found = formula.exec(text)?.[0];
  if (found === undefined) return undefined;
  let start = at;
  const before = text.slice(Math.max(0, at - reach), at);
  if (joins.test(found)) start -= leftSide.exec(before)?.[0].length ?? 0;
  start -= beginning.exec(text.slice(Math.max(0, start - reach), start))![0].length;
  const all = text.slice(start, at + found.length);
  const open = /^[([]/.test(all) && !/[)\]]$/.test(all) ? 1 : 0;
  return { text: all.slice(open), start: start + open, end: at + found.length };
}
