import type { Budget } from '../budget.ts';
import { createCursor, type Cursor } from './cursor.ts';
import { parseSum } from './parse-expression.ts';
import type { MathNode, Relation, SetOperationNode } from '../syntax.ts';
import { type Token, UnreadableAnswer } from './tokens.ts';

const relationSymbols: ReadonlySet<string> = new Set(['=', '<', '>']);
const relationCommands: ReadonlySet<string> = new Set(['le', 'ge', 'ne', 'approx', 'in', 'subset']);
const setOperators: ReadonlySet<string> = new Set(['cup', 'cap', 'setminus']);

/**
 * Reads an answer: lists of relations between expressions, all the way down.
 *
 * ```
 * answer   := row { ; row }            row  := relation { (, | and) relation }
 * relation := union { (= | < | …) union }   union := ratio { (∪ | ∩ | ∖) ratio }
 * ratio    := quantity { : quantity }  quantity := sum [unit]
 * ```
 *
 * Throws `UnreadableAnswer` when the tokens do not fit, `BudgetExceeded` when there are absurdly many.
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
  const rows = [parseRow(cursor)];
  while (cursor.accept('symbol', ';') || acceptRowBreak(cursor)) {
    if (atEnd(cursor)) break;
    rows.push(parseRow(cursor));
  }
  return oneOrList(rows);
}

/** `\\` outside a matrix separates rows of a `cases`-like answer; inside, the matrix parser needs to see it. */
function acceptRowBreak(cursor: Cursor): boolean {
  return cursor.peek()?.value === '\\\\' && cursor.peek(1) === undefined && cursor.accept('symbol', '\\\\');
}

function parseRow(cursor: Cursor): MathNode {
  cursor.accept('command', 'and');
  const items = [parseRelation(cursor)];
  while (acceptSeparator(cursor)) {
    if (atEnd(cursor)) break;
    items.push(parseRelation(cursor));
  }
  const claims = items.filter((item) => !isDomain(item));
  return oneOrList(claims.length > 0 ? claims : items);
}

/** `k \in \mathbb{Z}` beside an answer says what k may be; it is no answer itself. */
function isDomain(node: MathNode): boolean {
  const set = node.kind === 'relation' && node.operators[0] === '\\in' ? node.parts[1] : undefined;
  return set?.kind === 'constant';
}

function acceptSeparator(cursor: Cursor): boolean {
  let isSeparated = false;
  while (cursor.accept('symbol', ',') || cursor.accept('command', 'and')) isSeparated = true;
  return isSeparated;
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
  const items = [parseQuantity(cursor)];
  while (cursor.barsOpen === 0 && cursor.accept('symbol', ':')) items.push(parseQuantity(cursor));
  return items.length === 1 ? items[0]! : { kind: 'ratio', items };
}

/** A sum, and the words after it as its unit: `15\text{ cm}^2`, `60 miles per hour`, `\$5`. */
function parseQuantity(cursor: Cursor): MathNode {
  const operand = parseSum(cursor);
  if (cursor.accept('command', 'pmod'))
    return { kind: 'quantity', operand, unit: `mod ${unitOperand(cursor)}` };
  if (cursor.peek()?.kind !== 'word' || operand.kind === 'text') return operand;
  const words: string[] = [];
  while (
    cursor.peek()?.kind === 'word' ||
    cursor.atSymbol('/') ||
    (cursor.peek()?.kind === 'letter' && words.length > 0)
  ) {
    words.push(cursor.take().value);
    if (cursor.accept('symbol', '^')) words.push(`^${unitOperand(cursor)}`);
  }
  return { kind: 'quantity', operand, unit: words.join(' ') };
}

function unitOperand(cursor: Cursor): string {
  const isBraced = cursor.accept('symbol', '{');
  const operand = cursor.take().value;
  if (isBraced) cursor.expect('symbol', '}');
  return operand;
}

function oneOrList(items: readonly MathNode[]): MathNode {
  return items.length === 1 ? items[0]! : { kind: 'list', items };
}

/** True where a trailing separator may stand: at the end or before a closing bracket. */
function atEnd(cursor: Cursor): boolean {
  const next = cursor.peek();
  return (
    next === undefined || [')', ']', '}'].includes(next.value) || next.kind === 'end' || next.value === '\\\\'
  );
}
