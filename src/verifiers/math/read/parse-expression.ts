import { binary, known, negate } from './build.ts';
import type { Cursor } from './cursor.ts';
import { wholeNode } from './numerals.ts';
import { functionNames } from './vocabulary.ts';
import type { MathNode } from '../syntax.ts';
import { type Grammar, parseAtom } from './parse-atom.ts';

/** Commands that end a factor: relations, separators, closing brackets and set operators. */
const endsTerm: ReadonlySet<string> = new Set(
  (
    'le ge ne approx in notin subset and or ratio over choose } rfloor rceil rangle pm mp cup cap setminus mapsto < > bmod pmod mod ' +
    'circ colon'
  ).split(' '),
);

const grammar: Grammar = { applyFunction, parseProduct: parseTerm };

/** Parses sum := [sign] term { (+ | - | ±) term } */
export function parseSum(cursor: Cursor): MathNode {
  let sum = parseLeadingSign(cursor) ?? parseTerm(cursor);
  for (;;) {
    if (cursor.peek() === undefined) return sum;
    if (cursor.accept('symbol', '+')) sum = binary('add', sum, parseTerm(cursor));
    else if (cursor.accept('symbol', '-')) sum = difference(sum, parseTerm(cursor));
    else if (cursor.atCommand('pm') || cursor.atCommand('mp')) {
      const isFlipped = cursor.take().value === 'mp';
      sum = { kind: 'plusMinus', left: sum, right: parseTerm(cursor), isFlipped };
    } else return sum;
  }
}

/** Builds a difference; a minus before a set is set difference: `\mathbb{R} - \{2\}`. */
function difference(left: MathNode, right: MathNode): MathNode {
  if (right.kind === 'set') return { kind: 'setOperation', operator: '\\setminus', left, right };
  return binary('subtract', left, right);
}

function parseLeadingSign(cursor: Cursor): MathNode | undefined {
  if (!cursor.atCommand('pm') && !cursor.atCommand('mp')) return undefined;
  const isFlipped = cursor.take().value === 'mp';
  return { kind: 'plusMinus', right: parseTerm(cursor), isFlipped };
}

/** Parses term := factor { (* | /) factor | factor }: juxtaposition multiplies. */
function parseTerm(cursor: Cursor): MathNode {
  let product = parseSigned(cursor);
  for (;;) {
    if (cursor.peek() === undefined) return product;
    if (cursor.accept('symbol', '*')) product = binary('multiply', product, parseSigned(cursor));
    else if (cursor.accept('symbol', '/')) product = binary('divide', product, parseSigned(cursor));
    else if (cursor.accept('symbol', '%')) product = { kind: 'percent', operand: product };
    else if (acceptModulo(cursor)) product = known('mod', product, parseSigned(cursor));
    else if (startsFactor(cursor)) product = binary('multiply', product, parsePower(cursor));
    else return product;
  }
}

function acceptModulo(cursor: Cursor): boolean {
  return cursor.accept('command', 'bmod') || cursor.accept('command', 'mod');
}

function parseSigned(cursor: Cursor): MathNode {
  if (cursor.accept('symbol', '-')) return cursor.nested(() => negate(parseSigned(cursor)));
  if (cursor.accept('symbol', '+')) return cursor.nested(() => parseSigned(cursor));
  return parsePower(cursor);
}

/** Parses power := atom { ! } [ ^ exponent ] */
function parsePower(cursor: Cursor): MathNode {
  const atom = parseAtom(cursor, grammar);
  if (cursor.peek() === undefined) return atom;
  const base = parsePostfix(cursor, atom);
  if (!cursor.accept('symbol', '^')) return base;
  const exponent = parseExponent(cursor);
  if (base.kind === 'tuple' && isTransposition(exponent)) return base;
  return exponent === undefined ? base : parsePostfix(cursor, binary('power', base, exponent));
}

/** Returns whether an exponent denotes transposition: `(1, 2)^T` is the same vector, as a column. */
function isTransposition(exponent: MathNode | undefined): boolean {
  return exponent?.kind === 'variable' && ['T', '\\top', '\\intercal'].includes(exponent.name);
}

function parsePostfix(cursor: Cursor, operand: MathNode): MathNode {
  let result = operand;
  while (cursor.accept('symbol', '!')) result = { kind: 'factorial', operand: result };
  if (cursor.accept('command', 'circ')) return result;
  return result;
}

/** Parses an exponent; returns undefined for the degree sign `^\circ`, which does not change the value. */
function parseExponent(cursor: Cursor): MathNode | undefined {
  if (cursor.accept('command', 'circ')) return undefined;
  if (cursor.atSymbol('{') && cursor.peek(1)?.value === 'circ' && cursor.peek(2)?.value === '}') {
    for (let i = 0; i < 3; i++) cursor.take();
    return undefined;
  }
  return cursor.nested(() => {
    if (cursor.accept('symbol', '-')) return negate(parseExponent(cursor) ?? wholeNode(1));
    if (cursor.accept('symbol', '+')) return parseExponent(cursor);
    const base = parsePostfix(cursor, parseAtom(cursor, grammar));
    if (!cursor.accept('symbol', '^')) return base;
    const exponent = parseExponent(cursor);
    return exponent === undefined ? base : binary('power', base, exponent);
  });
}

/** Parses the part after a function name: an optional base or power, then the argument, bracketed or a product. */
function applyFunction(cursor: Cursor, name: string): MathNode {
  let base: MathNode | undefined;
  let power: MathNode | undefined;
  for (let i = 0; i < 2; i++) {
    if (cursor.accept('symbol', '_')) base = parseAtom(cursor, grammar);
    if (cursor.accept('symbol', '^')) power = parseExponent(cursor);
  }
  const isInverse = power !== undefined && isMinusOne(power) && ['sin', 'cos', 'tan'].includes(name);
  const operands = parseArguments(cursor, isTrigonometric(name));
  const application = named(isInverse ? `arc${name}` : name, base, operands);
  return power === undefined || isInverse ? application : binary('power', application, power);
}

function named(name: string, base: MathNode | undefined, operands: readonly MathNode[]): MathNode {
  if (name === 'log') return known('log', ...operands, base ?? wholeNode(10));
  if (name === 'cbrt') return known('root', ...operands, wholeNode(3));
  return known(name, ...operands);
}

function parseArguments(cursor: Cursor, isAngle: boolean): readonly MathNode[] {
  if (cursor.atSymbol('(') || cursor.atSymbol('[') || cursor.atSymbol('{')) {
    const close = { '(': ')', '[': ']', '{': '}' }[cursor.take().value as '(' | '[' | '{'];
    const inner = cursor.nested(() => cursor.parseInner(cursor));
    const isDegrees = isAngle && closesWithDegrees(cursor, close);
    cursor.expect('symbol', close);
    const operands = inner.kind === 'list' ? inner.items : [inner];
    return isDegrees || (isAngle && acceptDegrees(cursor)) ? operands.map(toRadians) : operands;
  }
  if (cursor.accept('symbol', '-')) return [negate(cursor.nested(() => parseArguments(cursor, isAngle))[0]!)];
  let argument = parsePower(cursor);
  const isDegrees = isAngle && cursor.peek(-1)?.value === 'circ';
  while (startsFactor(cursor) && !startsFunction(cursor) && !cursor.atSymbol('(')) {
    argument = binary('multiply', argument, parsePower(cursor));
  }
  return [isDegrees || (isAngle && cursor.peek(-1)?.value === 'circ') ? toRadians(argument) : argument];
}

/** Returns whether the token before the closing bracket is a degree sign, braced or not. */
function closesWithDegrees(cursor: Cursor, close: string): boolean {
  if (!cursor.atSymbol(close)) return false;
  return (
    cursor.peek(-1)?.value === 'circ' || (cursor.peek(-1)?.value === '}' && cursor.peek(-2)?.value === 'circ')
  );
}

function acceptDegrees(cursor: Cursor): boolean {
  if (!cursor.atSymbol('^') || cursor.peek(1)?.value !== 'circ') return false;
  cursor.take();
  cursor.take();
  return true;
}

function toRadians(angle: MathNode): MathNode {
  return binary('divide', binary('multiply', angle, { kind: 'constant', name: 'pi' }), wholeNode(180));
}

function isTrigonometric(name: string): boolean {
  return ['sin', 'cos', 'tan', 'cot', 'sec', 'csc', 'cis'].includes(name);
}

function isMinusOne(node: MathNode): boolean {
  return node.kind === 'negate' && node.operand.kind === 'number' && node.operand.value.numerator === 1n;
}

/** Returns whether the next token can begin a factor; juxtaposition then means a product. */
function startsFactor(cursor: Cursor): boolean {
  const next = cursor.peek();
  if (next === undefined) return false;
  // Do not read `2 3` as a product, because adjacent numbers are ambiguous.
  if (next.kind === 'number') return cursor.peek(-1)?.kind !== 'number' && cursor.peek(-1)?.value !== "'";
  if (next.kind === 'letter' || next.kind === 'begin') return true;
  if (next.kind === 'command') return !endsTerm.has(next.value);
  if (next.kind !== 'symbol') return false;
  if (next.value === '|') return cursor.barsOpen === 0 && cursor.peek(1) !== undefined;
  return next.value === '(' || next.value === '[' || next.value === '{';
}

function startsFunction(cursor: Cursor): boolean {
  const next = cursor.peek();
  return next?.kind === 'command' && functionNames.has(next.value) && next.value !== 'sqrt';
}
