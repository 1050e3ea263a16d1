import type { LiteralNode } from '../syntax.ts';

/**
 * A token of an answer: a numeral, a literal such as a date, a single letter, words, a command (without its backslash),
 * an operator or bracket, or the start or end of an environment. Set braces are the commands `{` and `}`; bare braces
 * are symbols.
 */
export interface Token {
  readonly kind: 'number' | 'literal' | 'letter' | 'word' | 'command' | 'symbol' | 'begin' | 'end';
  readonly value: string;
  /** The parsed literal, for tokens of kind `literal`. */
  readonly literal?: LiteralNode;
}

/** Thrown for an answer that the grammar cannot read; the message gives the reason. */
export class UnreadableAnswer extends Error {}
