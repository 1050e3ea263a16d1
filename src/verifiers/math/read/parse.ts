import type { Budget } from '../budget.ts';
import { binary, known, negate } from './build.ts';
import { createCursor, type Cursor } from './cursor.ts';
import { isDomain, withinDomain } from './domains.ts';
import { wholeNode } from './numerals.ts';
import { scaleOf } from './number-words.ts';
import { parseSum } from './parse-expression.ts';
import type { MathNode, Relation, SetOperationNode } from '../syntax.ts';
import { isSameKind, parseUnit } from '../units.ts';
import { type Token, UnreadableAnswer } from './token.ts';

const relationSymbols: ReadonlySet<string> = new Set(['=', '<', '>']);
const relationCommands: ReadonlySet<string> = new Set(['le', 'ge', 'ne', 'approx', 'in', 'subset']);
const setOperators: ReadonlySet<string> = new Set(['cup', 'cap', 'setminus']);

/**
 * Parses an answer by recursive descent, from lists of relations down to expressions.
 *
 * ```
 * answer   := row { ; row }            row  := relation { (, | and | or) relation }
 * relation := union { (= | < | …) union }   union := ratio { (∪ | ∩ | ∖) ratio }
 * ratio    := quantity { : quantity }  quantity := sum [(\\over | \\choose) sum] [scale] [unit]
 * ```
 *
 * Throws `UnreadableAnswer` if the tokens do not match the grammar, and `BudgetExceeded` if there are far too many.
 */
export function parseAnswer(tokens: readonly Token[], budget: Budget): MathNode {
  if (tokens.length === 0) throw new UnreadableAnswer('the answer is empty');
  const cursor = createCursor(tokens, budget, parseRows);
  const answer = parseRows(cursor);
  const rest = cursor.peek();
  if (rest !== undefined) throw new UnreadableAnswer(`unexpected "${rest.value}"`);
  return answer;
}

function parseRows(cursor: Cursor): MathNode {
  const first = parseRow(cursor);
  if (cursor.peek() === undefined) return first;
  const rows = [first];
  while (cursor.accept('symbol', ';') || acceptRowBreak(cursor)) {
    if (atEnd(cursor)) break;
    rows.push(parseRow(cursor));
  }
  return oneOrList(rows);
}

/** Consumes a `\\` that separates rows of a `cases`-like answer; leaves one inside a matrix to the matrix parser. */
function acceptRowBreak(cursor: Cursor): boolean {
  return cursor.peek()?.value === '\\\\' && cursor.peek(1) === undefined && cursor.accept('symbol', '\\\\');
}

function parseRow(cursor: Cursor): MathNode {
  cursor.accept('command', 'and');
  const first = parseRelation(cursor);
  if (cursor.peek() === undefined && first.kind !== 'relation') return first;
  let items = [first];
  let joint: 'and' | 'or' | undefined;
  for (
    let separator = acceptSeparator(cursor);
    separator !== undefined;
    separator = acceptSeparator(cursor)
  ) {
    if (separator !== ',') joint = separator;
    if (atEnd(cursor)) break;
    items.push(parseRelation(cursor));
  }
  items = spreadExclusion(items);
  const claims = items.filter((item) => !isDomain(item));
  const sum = joint === 'or' ? undefined : sumOfUnits(claims);
  return items.filter(isDomain).reduce(withinDomain, sum ?? oneOrList(claims, items, joint));
}

/**
 * Adds amounts of one kind in descending units, as in `2 hours and 30 minutes` or `5 ft 6 in`, which form one amount in
 * the last unit. Returns undefined for other items.
 */
function sumOfUnits(items: readonly MathNode[]): MathNode | undefined {
  if (items.length < 2 || !items.every((item) => item.kind === 'quantity')) return undefined;
  return items
    .slice(1)
    .reduce<MathNode | undefined>((sum, item) => sum && sumOfTwoUnits(sum, item), items[0]);
}

function sumOfTwoUnits(first: MathNode, second: MathNode): MathNode | undefined {
  if (first.kind !== 'quantity' || second.kind !== 'quantity') return undefined;
  const [large, little] = [parseUnit(first.unit), parseUnit(second.unit)];
  if (large === undefined || little === undefined || !isSameKind(large, little)) return undefined;
  const numerator = large.factor[0] * little.factor[1];
  const denominator = large.factor[1] * little.factor[0];
  if (numerator <= denominator) return undefined;
  const ratio = binary('divide', wholeNode(numerator), wholeNode(denominator));
  const operand = binary('add', binary('multiply', first.operand, ratio), second.operand);
  return { kind: 'quantity', operand, unit: second.unit };
}

/** Splits `x \ne 1, -1` and `x \ne \pm 1`, each of which excludes two values, into one relation per value. */
function spreadExclusion(items: MathNode[]): MathNode[] {
  const [first, ...rest] = items;
  if (first?.kind !== 'relation' || first.operators.length !== 1 || first.operators[0] !== '\\ne')
    return items;
  if (rest.some((item) => item.kind === 'relation')) return items;
  const [name, value] = first.parts;
  const values = [value!, ...rest].flatMap((item) =>
    item.kind === 'plusMinus' && item.left === undefined ? [item.right, negate(item.right)] : [item],
  );
  return values.map((item) => ({ ...first, parts: [name!, item] }));
}

/** Consumes commas and conjunctions between two items; returns the conjunction if there is one. */
function acceptSeparator(cursor: Cursor): ',' | 'and' | 'or' | undefined {
  let separator: ',' | 'and' | 'or' | undefined;
  for (;;) {
    if (cursor.accept('symbol', ',')) separator ??= ',';
    else if (cursor.accept('command', 'and')) separator = 'and';
    else if (cursor.accept('command', 'or')) separator = 'or';
    else return separator;
  }
}

function parseRelation(cursor: Cursor): MathNode {
  if (cursor.accept('command', 'approx')) return parseRelation(cursor);
  const parts = [parseUnion(cursor)];
  const operators: Relation[] = [];
  for (let operator = acceptRelation(cursor); operator !== undefined; operator = acceptRelation(cursor)) {
    operators.push(operator);
    parts.push(parseUnion(cursor));
  }
  return operators.length === 0 ? parts[0]! : { kind: 'relation', parts, operators };
}

function acceptRelation(cursor: Cursor): Relation | undefined {
  const next = cursor.peek();
  if (next?.kind === 'symbol' && relationSymbols.has(next.value)) return cursor.take().value as Relation;
  if (next?.kind !== 'command' || !relationCommands.has(next.value)) return undefined;
  return `\\${cursor.take().value}` as Relation;
}

function parseUnion(cursor: Cursor): MathNode {
  let union = parseRatio(cursor);
  for (
    let next = cursor.peek();
    next?.kind === 'command' && setOperators.has(next.value);
    next = cursor.peek()
  ) {
    const operator = `\\${cursor.take().value}` as SetOperationNode['operator'];
    union = { kind: 'setOperation', operator, left: union, right: parseRatio(cursor) };
  }
  return union;
}

function parseRatio(cursor: Cursor): MathNode {
  const isTime = startsTime(cursor);
  const first = parseQuantity(cursor);
  if (cursor.peek() === undefined) return first;
  const items = [first];
  while (cursor.accept('command', 'ratio') || (cursor.barsOpen === 0 && cursor.accept('symbol', ':')))
    items.push(parseQuantity(cursor));
  if (items.length === 1) return items[0]!;
  return isTime ? { kind: 'ratio', items, isTime } : { kind: 'ratio', items };
}

/**
 * Returns whether a time may follow, as in `10:30` or `7:05:20`: two digits from 00 to 59 after the colon may be
 * minutes.
 */
function startsTime(cursor: Cursor): boolean {
  if (cursor.peek(1)?.value !== ':' || !/^\d{1,2}$/.test(cursor.peek()!.value)) return false;
  const isSixtieth = (ahead: number): boolean => /^[0-5]\d$/.test(cursor.peek(ahead)?.value ?? '');
  return isSixtieth(2) && (cursor.peek(3)?.value !== ':' || isSixtieth(4));
}

/**
 * Parses a sum and the words after it, which are a scale or a unit: `5\text{ million}`, `15\text{ cm}^2`, `60 miles per
 * hour`.
 */
function parseQuantity(cursor: Cursor): MathNode {
  const sum = parseSum(cursor);
  if (cursor.peek() === undefined) return sum;
  if (cursor.accept('command', 'over')) return binary('divide', sum, parseSum(cursor));
  if (cursor.accept('command', 'choose')) return known('binom', sum, parseSum(cursor));
  if (cursor.accept('command', 'pmod'))
    return { kind: 'quantity', operand: sum, unit: `mod ${unitOperand(cursor)}` };
  if (cursor.peek()?.kind !== 'word' || sum.kind === 'text') return sum;
  const { operand, unit } = scaled(sum, parseUnitWords(cursor));
  // Add a second scaled number: 3万5千 is 35 thousand.
  if (unit === '' && operand !== sum && cursor.peek()?.kind === 'number')
    return binary('add', operand, parseQuantity(cursor));
  if (unit === '') return operand;
  const quantity: MathNode = { kind: 'quantity', operand, unit };
  if (cursor.peek()?.kind !== 'number') return quantity;
  return (
    sumOfUnits([quantity, parseQuantity(cursor)]) ?? unreadable('two amounts without a sign between them')
  );
}

function parseUnitWords(cursor: Cursor): string[] {
  const words: string[] = [];
  while (
    cursor.peek()?.kind === 'word' ||
    cursor.atSymbol('/') ||
    (words.length > 0 && cursor.atSymbol('*') && startsUnit(cursor.peek(1))) ||
    (words.length > 0 && cursor.atSymbol('-') && cursor.peek(1)?.kind === 'word') ||
    (cursor.peek()?.kind === 'letter' && words.length > 0)
  ) {
    words.push(...cursor.take().value.split(/\s+/));
    if (cursor.accept('symbol', '^')) words.push(`^${unitOperand(cursor)}`);
  }
  const isJoined = words.length > 1 && words.at(-1) === 'and' && cursor.peek()?.kind === 'number';
  return isJoined ? words.slice(0, -1) : words;
}

/** Returns whether a token is a word or a letter that abbreviates a unit, such as the m in `kg·m/s`. */
function startsUnit(token: Token | undefined): boolean {
  return token?.kind === 'word' || (token?.kind === 'letter' && 'msgAKNVWJC'.includes(token.value));
}

/** Multiplies the value by scale words at the start of a unit; anywhere else they stay in the unit. */
function scaled(
  sum: MathNode,
  words: readonly string[],
): { readonly operand: MathNode; readonly unit: string } {
  let operand = sum;
  let count = 0;
  for (let scale = scaleOf(words[0]!); scale !== undefined; scale = scaleOf(words[count] ?? '')) {
    const [numerator, denominator] = scale;
    if (numerator !== 1n) operand = binary('multiply', operand, wholeNode(numerator));
    if (denominator !== 1n) operand = binary('divide', operand, wholeNode(denominator));
    count++;
  }
  const rest = words.slice(words[count] === 'of' && count > 0 ? count + 1 : count);
  return { operand, unit: rest.join(' ') };
}

function unreadable(reason: string): never {
  throw new UnreadableAnswer(reason);
}

function unitOperand(cursor: Cursor): string {
  const isBraced = cursor.accept('symbol', '{');
  const sign = cursor.accept('symbol', '-') ? '-' : '';
  const operand = sign + cursor.take().value;
  if (isBraced) cursor.expect('symbol', '}');
  return operand;
}

function oneOrList(
  claims: readonly MathNode[],
  items: readonly MathNode[] = claims,
  joint?: 'and' | 'or',
): MathNode {
  const kept = claims.length > 0 ? claims : items;
  if (kept.length === 1) return kept[0]!;
  return joint === undefined ? { kind: 'list', items: kept } : { kind: 'list', items: kept, joint };
}

/** Returns whether a trailing separator is allowed: at the end or before a closing bracket. */
function atEnd(cursor: Cursor): boolean {
  const next = cursor.peek();
  return (
    next === undefined || [')', ']', '}'].includes(next.value) || next.kind === 'end' || next.value === '\\\\'
  );
}
