import { binary, known, squareRoot } from './build.ts';
import type { Cursor } from './cursor.ts';
import { withinDomain } from './domains.ts';
import { numberFromNumeral, wholeNode } from './numerals.ts';
import { parseMatrix } from './parse-matrix.ts';
import { fractionFromWords, numberFromWords } from './number-words.ts';
import { numberSets, parseNumberSet, setInWords } from './number-sets.ts';
import { functionNames } from './vocabulary.ts';
import type { MathNode, TupleNode } from '../syntax.ts';
import { spell } from './tokens.ts';
import { UnreadableAnswer, type Token } from './token.ts';

/**
 * Grammar rules above atoms that atoms need: the part after a function's name, and the product under a big operator.
 */
export interface Grammar {
  readonly applyFunction: (cursor: Cursor, name: string) => MathNode;
  readonly parseProduct: (cursor: Cursor) => MathNode;
}

const constants: ReadonlySet<string> = new Set(['pi', 'infty', 'emptyset']);

/** Decorations that turn their argument into a single name. */
const decorations: ReadonlySet<string> = new Set(
  'overline bar vec hat tilde overrightarrow widehat overleftrightarrow mathscr'.split(' '),
);

/** Letters that are functions if a bracket follows; any other letter multiplies the bracket … */
const functionLetters = 'fgFG';
/** … except these letters, which are functions of a single letter or number: h(x) is a call, h(a+b) is a product. */
const maybeFunctionLetters = 'hHPQRTWpqs';

const closers: Readonly<Record<string, TupleNode['close']>> = { '(': ')', '[': ']' };

/** Parses atom := numeral | name | bracketed | \frac… | \sqrt… | function application | matrix | words */
export function parseAtom(cursor: Cursor, grammar: Grammar): MathNode {
  const token = cursor.take();
  switch (token.kind) {
    case 'number':
      return parseNumber(cursor, token, grammar);
    case 'literal':
      return token.literal!;
    case 'letter':
      return parseName(cursor, token.value);
    case 'begin':
      return parseMatrix(cursor);
    case 'word':
      return parseWord(cursor, token.value);
    case 'command':
      return parseCommand(cursor, token.value, grammar);
    default:
      return parseBracketed(cursor, token.value);
  }
}

function parseNumber(cursor: Cursor, token: Token, grammar: Grammar): MathNode {
  if (cursor.accept('symbol', '_'))
    return { kind: 'based', digits: token.value, base: baseName(subscript(cursor)) };
  const number = numberFromNumeral(token.value);
  if (number === undefined) throw new UnreadableAnswer('the exponent is out of range');
  if (cursor.accept('symbol', "'")) return { kind: 'quantity', operand: number, unit: "'" };
  const fraction =
    number.places === 0 && number.significant > 0 ? parseMixedPart(cursor, grammar) : undefined;
  return fraction ? binary('add', number, fraction) : number;
}

/** Returns the base that an index names, in digits or in words: `two` is base 2. */
function baseName(name: string): string {
  return String(numberFromWords(name) ?? name);
}

/**
 * Parses the fraction of a mixed number, as in `3\frac{1}{2}` or `3 1/2`: a proper fraction of plain numerals. Returns
 * undefined if there is none.
 */
function parseMixedPart(cursor: Cursor, grammar: Grammar): MathNode | undefined {
  if (
    cursor.peek()?.kind === 'number' &&
    cursor.peek(1)?.value === '/' &&
    cursor.peek(2)?.kind === 'number'
  ) {
    if (!isProper(cursor.peek()!, cursor.peek(2)!)) return undefined;
    const top = numberFromNumeral(cursor.take().value)!;
    cursor.take();
    return binary('divide', top, numberFromNumeral(cursor.take().value)!);
  }
  return cursor.atCommand('frac') && hasProperFraction(cursor) ? parseAtom(cursor, grammar) : undefined;
}

function hasProperFraction(cursor: Cursor): boolean {
  const tokens = [1, 2, 3, 4, 5, 6].map((ahead) => cursor.peek(ahead)).filter((token) => token !== undefined);
  const plain = tokens.filter((token) => token.value !== '{' && token.value !== '}');
  const [top, bottom] = plain;
  const isBraced =
    tokens[0]?.value === '{' &&
    tokens[2]?.value === '}' &&
    tokens[3]?.value === '{' &&
    tokens[5]?.value === '}';
  if (isBraced) return top?.kind === 'number' && bottom?.kind === 'number' && isProper(top, bottom);
  const digits = tokens[0]?.kind === 'number' ? tokens[0].value : '';
  return digits.length === 2 && digits[0]! < digits[1]!;
}

function isProper(top: Token, bottom: Token): boolean {
  return /^\d+$/.test(top.value) && /^\d+$/.test(bottom.value) && BigInt(top.value) < BigInt(bottom.value);
}

/** Parses a variable with its index and primes, or a function of unknown meaning with its arguments. */
function parseName(cursor: Cursor, letter: string): MathNode {
  let name = letter;
  if (cursor.accept('symbol', '_')) name += `_${subscript(cursor)}`;
  while (cursor.accept('symbol', "'")) name += "'";
  if (cursor.atSymbol('(') && isFunction(cursor, letter)) {
    cursor.take();
    const inner = cursor.nested(() => cursor.parseInner(cursor));
    cursor.expect('symbol', ')');
    return { kind: 'call', name, operands: inner.kind === 'list' ? inner.items : [inner] };
  }
  if (name === 'e' || name === 'i') return { kind: 'constant', name };
  return { kind: 'variable', name };
}

function isFunction(cursor: Cursor, letter: string): boolean {
  return (
    functionLetters.includes(letter) ||
    (maybeFunctionLetters.includes(letter) && cursor.peek(2)?.value === ')')
  );
}

function parseWord(cursor: Cursor, word: string): MathNode {
  if (cursor.accept('symbol', '_')) return { kind: 'based', digits: word, base: subscript(cursor) };
  const words = [word];
  for (let next = cursor.peek(); next !== undefined; next = cursor.peek()) {
    const isPart =
      next.kind === 'word' ||
      next.kind === 'letter' ||
      next.kind === 'number' ||
      next.value === "'" ||
      next.value === '-';
    if (!isPart) break;
    words.push(cursor.take().value);
  }
  const text = words.join(' ');
  const set = setInWords(text);
  if (set) return set;
  const number = numberFromWords(text);
  if (number !== undefined) return wholeNode(number);
  const fraction = fractionFromWords(text);
  return fraction ? binary('divide', wholeNode(fraction[0]), wholeNode(fraction[1])) : { kind: 'text', text };
}

function parseCommand(cursor: Cursor, name: string, grammar: Grammar): MathNode {
  if (name === 'frac')
    return binary('divide', parseArgument(cursor, grammar), parseArgument(cursor, grammar));
  if (name === 'binom') return parseBinomial(cursor, grammar);
  if (name === 'sqrt') return parseRoot(cursor, grammar);
  if (name === '{') return parseSet(cursor);
  if (name === 'lfloor') return parseFenced(cursor, 'floor', 'rfloor');
  if (name === 'lceil') return parseFenced(cursor, 'ceil', 'rceil');
  if (name === 'langle') return parseAngled(cursor);
  if (name === 'boxed') return parseArgument(cursor, grammar);
  if (name === 'sum' || name === 'prod' || name === 'int' || name === 'lim')
    return parseBigOperator(cursor, name, grammar);
  if (functionNames.has(name) && endsName(cursor)) return { kind: 'variable', name: `\\${name}` };
  if (functionNames.has(name)) return grammar.applyFunction(cursor, name);
  if (numberSets.has(name)) return parseNumberSet(cursor, name);
  if (constants.has(name)) return { kind: 'constant', name };
  if (decorations.has(name)) return parseName(cursor, `${name}(${subscript(cursor)})`);
  if (name === 'circ' || name === '}') throw new UnreadableAnswer(`unexpected "\\${name}"`);
  return parseName(cursor, `\\${name}`);
}

/** Returns whether a function name has no argument: `\max = 42` names a maximum. */
function endsName(cursor: Cursor): boolean {
  return cursor.atSymbol('=') || cursor.atCommand('approx');
}

function parseBinomial(cursor: Cursor, grammar: Grammar): MathNode {
  if (cursor.atSymbol('(')) return grammar.applyFunction(cursor, 'binom');
  return known('binom', parseArgument(cursor, grammar), parseArgument(cursor, grammar));
}

function parseRoot(cursor: Cursor, grammar: Grammar): MathNode {
  if (!cursor.accept('symbol', '[')) return squareRoot(parseAtom(cursor, grammar));
  const degree = cursor.nested(() => cursor.parseInner(cursor));
  cursor.expect('symbol', ']');
  return known('root', parseAtom(cursor, grammar), degree);
}

/** Parses an argument of `\frac`: a braced one, or a single character, which may be one digit of a longer numeral. */
function parseArgument(cursor: Cursor, grammar: Grammar): MathNode {
  const next = cursor.peek();
  if (next?.kind !== 'number' || !/^\d\d+$/.test(next.value)) return parseAtom(cursor, grammar);
  cursor.replace({ kind: 'number', value: next.value.slice(1) });
  return numberFromNumeral(next.value[0]!)!;
}

/**
 * Parses `\sum_{k=0}^{n}`, `\int_0^1` or `\lim_{x\to0}`. Such operators are never evaluated, but only compared part by
 * part at the probe points.
 */
function parseBigOperator(cursor: Cursor, name: string, grammar: Grammar): MathNode {
  const operands: MathNode[] = [];
  for (let i = 0; i < 2; i++) {
    if (cursor.accept('symbol', '_')) operands.push({ kind: 'variable', name: subscript(cursor) });
    if (cursor.accept('symbol', '^')) operands.push(parseAtom(cursor, grammar));
  }
  operands.push(grammar.parseProduct(cursor));
  return { kind: 'call', name, operands };
}

function parseBracketed(cursor: Cursor, open: string): MathNode {
  if (open === '|') return parseAbsolute(cursor);
  if (open === '{') {
    const inner = cursor.nested(() => cursor.parseInner(cursor));
    cursor.expect('symbol', '}');
    return inner;
  }
  if (open !== '(' && open !== '[') throw new UnreadableAnswer(`unexpected "${open}"`);
  const barsOutside = cursor.barsOpen;
  cursor.barsOpen = 0;
  const inner = cursor.nested(() => cursor.parseInner(cursor));
  cursor.barsOpen = barsOutside;
  const close = cursor.take().value;
  if (close !== ')' && close !== ']') throw new UnreadableAnswer(`"${open}" is never closed`);
  if (inner.kind === 'list') return { kind: 'tuple', open, close, items: inner.items };
  if (close !== closers[open]) throw new UnreadableAnswer(`"${open}" is closed by "${close}"`);
  return inner;
}

function parseAbsolute(cursor: Cursor): MathNode {
  cursor.barsOpen++;
  const inner = cursor.nested(() => cursor.parseInner(cursor));
  cursor.barsOpen--;
  cursor.expect('symbol', '|');
  return known('abs', inner);
}

function parseFenced(cursor: Cursor, name: string, close: string): MathNode {
  const inner = cursor.nested(() => cursor.parseInner(cursor));
  cursor.expect('command', close);
  return known(name, inner);
}

function parseAngled(cursor: Cursor): MathNode {
  const inner = cursor.nested(() => cursor.parseInner(cursor));
  cursor.expect('command', 'rangle');
  return { kind: 'tuple', open: '⟨', close: '⟩', items: inner.kind === 'list' ? inner.items : [inner] };
}

/** Parses `\{1, 2\}`, or `\{x \mid x > 3\}`, which becomes its condition. */
function parseSet(cursor: Cursor): MathNode {
  if (cursor.accept('command', '}')) return { kind: 'constant', name: 'emptyset' };
  if (cursor.peek()?.kind === 'begin') return parseSystem(cursor);
  cursor.barsOpen++;
  const first = cursor.nested(() => cursor.parseInner(cursor));
  cursor.barsOpen--;
  const isBuilder = cursor.accept('symbol', '|') || cursor.accept('symbol', ':');
  const inner = isBuilder ? cursor.nested(() => cursor.parseInner(cursor)) : first;
  cursor.expect('command', '}');
  if (isBuilder) return withinDomain(inner, first);
  return { kind: 'set', items: inner.kind === 'list' ? inner.items : [inner] };
}

/** Parses `\left\{\begin{array}{l} x=1 \\ y=2 \end{array}\right.`, whose brace may stay open. */
function parseSystem(cursor: Cursor): MathNode {
  cursor.take();
  const system = parseMatrix(cursor);
  cursor.accept('command', '}');
  return system;
}

/** Parses an index and returns its spelling, as part of a name. */
function subscript(cursor: Cursor): string {
  if (!cursor.atSymbol('{')) return cursor.take().value;
  const tokens: Token[] = [];
  let depth = 0;
  do {
    const token = cursor.take();
    if (token.value === '{' && token.kind === 'symbol') depth++;
    if (token.value === '}' && token.kind === 'symbol') depth--;
    tokens.push(token);
  } while (depth > 0);
  return spell(tokens.slice(1, -1)).replaceAll(' ', '');
}
