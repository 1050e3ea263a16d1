import type { Budget } from '../budget.ts';
import type { MathNode } from '../syntax.ts';
import { type Token, UnreadableAnswer } from './token.ts';

/** Maximum nesting depth of brackets; honest answers stay far below it. */
const maxDepth = 60;

/**
 * The parser's position in the tokens. The expression parser calls the structure parser, which parses the content of
 * brackets, through `parseInner`, so that the two files need not import each other.
 */
export interface Cursor {
  /**
   * Returns the token `ahead` positions after the current one (by default, the current one); undefined past the end.
   */
  peek(ahead?: number): Token | undefined;
  /** Consumes and returns the current token; throws `UnreadableAnswer` at the end. */
  take(): Token;
  /** Returns whether the current token is this symbol. */
  atSymbol(value: string): boolean;
  /** Returns whether the current token is this command. */
  atCommand(value: string): boolean;
  /** Consumes the symbol or command if it is the current token; returns whether it was. */
  accept(kind: 'symbol' | 'command', value: string): boolean;
  /** Consumes the symbol or command; throws `UnreadableAnswer` if it is not the current token. */
  expect(kind: 'symbol' | 'command', value: string): void;
  /** Replaces the current token: `\frac12` takes one digit of `12`. */
  replace(token: Token): void;
  /** Runs `parse` one level deeper; throws `UnreadableAnswer` if that is too deep. */
  nested<T>(parse: () => T): T;
  /** Number of open absolute values; the next `|` may close one. */
  barsOpen: number;
  /** The structure parser, for the content of brackets. */
  readonly parseInner: (cursor: Cursor) => MathNode;
}

/** Creates a cursor at the first token. */
export function createCursor(
  source: readonly Token[],
  budget: Budget,
  parseInner: (cursor: Cursor) => MathNode,
): Cursor {
  const tokens = [...source];
  let index = 0;
  let depth = 0;
  const is = (kind: Token['kind'], value: string): boolean =>
    tokens[index]?.kind === kind && tokens[index]!.value === value;
  const accept = (kind: 'symbol' | 'command', value: string): boolean => {
    const isThere = is(kind, value);
    if (isThere) index++;
    return isThere;
  };
  return {
    peek: (ahead = 0) => tokens[index + ahead],
    take: () => {
      budget.spend(4);
      const token = tokens[index++];
      if (token === undefined) throw new UnreadableAnswer('the answer breaks off');
      return token;
    },
    atSymbol: (value) => is('symbol', value),
    atCommand: (value) => is('command', value),
    accept,
    expect: (kind, value) => {
      if (!accept(kind, value))
        throw new UnreadableAnswer(`expected "${value}", got "${tokens[index]?.value ?? 'the end'}"`);
    },
    replace: (token) => {
      tokens[index] = token;
    },
    nested: (parse) => {
      if (++depth > maxDepth) throw new UnreadableAnswer('brackets are nested too deeply');
      const result = parse();
      depth--;
      return result;
    },
    barsOpen: 0,
    parseInner,
  };
}
