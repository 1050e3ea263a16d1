import type { Rational } from './value/rational.ts';

/** A number as written: for `2.50`, the node records that it is a decimal, and its precision. */
export interface NumberNode {
  readonly kind: 'number';
  readonly value: Rational;
  /** Written with a decimal point, so possibly rounded. */
  readonly isDecimal: boolean;
  /** Number of digits after the point, as written, after an exponent has moved the point; it may be negative. */
  readonly places: number;
  /** Significant digits as written: 3 for `0.0250`. */
  readonly significant: number;
}

/** Arithmetic on two operands. */
export interface BinaryNode {
  readonly kind: 'add' | 'subtract' | 'multiply' | 'divide' | 'power';
  readonly left: MathNode;
  readonly right: MathNode;
}

/** Two values at once: `a ± b`, or `±b` without `left`. */
export interface PlusMinusNode {
  readonly kind: 'plusMinus';
  readonly left?: MathNode;
  readonly right: MathNode;
  readonly isFlipped: boolean;
}

/** An operation on one operand: a minus sign, a percent sign or a factorial. */
export interface UnaryNode {
  readonly kind: 'negate' | 'percent' | 'factorial';
  readonly operand: MathNode;
}

/** A function, whose meaning is known (`sin`, `log`, `binomial`) or unknown (`call`: f, g, an unevaluated sum). */
export interface FunctionNode {
  readonly kind: 'function' | 'call';
  readonly name: string;
  readonly operands: readonly MathNode[];
}

/** Parts joined by relations: `0 < x \le 3` has three parts and two operators. */
export interface RelationNode {
  readonly kind: 'relation';
  readonly parts: readonly MathNode[];
  readonly operators: readonly Relation[];
}

/** All relations; `\equiv` is read as `=`. */
export type Relation = '=' | '<' | '>' | '\\le' | '\\ge' | '\\ne' | '\\approx' | '\\in' | '\\subset';

/** A sequence in brackets: a tuple, a point, a vector or an interval. Only the comparison can decide which. */
export interface TupleNode {
  readonly kind: 'tuple';
  readonly open: '(' | '[' | '⟨';
  readonly close: ')' | ']' | '⟩';
  readonly items: readonly MathNode[];
}

/** A date, time of day, version, address or phone number. It is compared as a literal and never computed. */
export interface LiteralNode {
  readonly kind: 'literal';
  readonly shape: 'date' | 'time' | 'version' | 'address' | 'phone' | 'code';
  /** Normal form, the same for every spelling: `2024-4-22`, `17:0`, `1.2.3`, `5551234`. */
  readonly value: string;
  /** The literal as written. */
  readonly written: string;
}

/** Set algebra on intervals and sets. */
export interface SetOperationNode {
  readonly kind: 'setOperation';
  readonly operator: '\\cup' | '\\cap' | '\\setminus';
  readonly left: MathNode;
  readonly right: MathNode;
}

/**
 * Syntax tree of an answer, from a number to a matrix. Immutable; built by the parser and read by the comparison.
 */
export type MathNode =
  | NumberNode
  | BinaryNode
  | PlusMinusNode
  | UnaryNode
  | FunctionNode
  | RelationNode
  | TupleNode
  | SetOperationNode
  | LiteralNode
  /** A letter or a name; constants are π, e, i, ∞ and the named sets (`∅`, `ℝ`, `ℤ`, …). */
  | { readonly kind: 'variable' | 'constant'; readonly name: string }
  /**
   * Items separated by commas, without brackets; `joint` is the last conjunction between the items, if there is one.
   */
  | { readonly kind: 'list'; readonly items: readonly MathNode[]; readonly joint?: 'and' | 'or' }
  | { readonly kind: 'set'; readonly items: readonly MathNode[] }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly MathNode[])[] }
  /** `3:4`. With `isTime` it could be a time (`10:30`), so it is neither scaled nor computed. */
  | { readonly kind: 'ratio'; readonly items: readonly MathNode[]; readonly isTime?: boolean }
  /** `204_5`: digits in a base. */
  | { readonly kind: 'based'; readonly digits: string; readonly base: string }
  /** A value with a unit, `15\text{ cm}^2`. */
  | { readonly kind: 'quantity'; readonly operand: MathNode; readonly unit: string }
  /** Words. */
  | { readonly kind: 'text'; readonly text: string };

/** Returns the direct children of a node, left to right. */
function childrenOf(node: MathNode): readonly MathNode[] {
  switch (node.kind) {
    case 'add':
    case 'subtract':
    case 'multiply':
    case 'divide':
    case 'power':
    case 'setOperation':
      return [node.left, node.right];
    case 'plusMinus':
      return node.left ? [node.left, node.right] : [node.right];
    case 'negate':
    case 'percent':
    case 'factorial':
    case 'quantity':
      return [node.operand];
    case 'function':
    case 'call':
      return node.operands;
    case 'relation':
      return node.parts;
    case 'tuple':
    case 'list':
    case 'set':
    case 'ratio':
      return node.items;
    case 'matrix':
      return node.rows.flat();
    default:
      return [];
  }
}

/** Returns a copy of a node with changed children. */
export function mapChildren(node: MathNode, change: (child: MathNode) => MathNode): MathNode {
  switch (node.kind) {
    case 'add':
    case 'subtract':
    case 'multiply':
    case 'divide':
    case 'power':
      return { kind: node.kind, left: change(node.left), right: change(node.right) };
    case 'setOperation':
      return { ...node, left: change(node.left), right: change(node.right) };
    case 'plusMinus':
      return { ...node, ...(node.left && { left: change(node.left) }), right: change(node.right) };
    case 'negate':
    case 'percent':
    case 'factorial':
      return { kind: node.kind, operand: change(node.operand) };
    case 'quantity':
      return { ...node, operand: change(node.operand) };
    case 'function':
    case 'call':
      return { ...node, operands: node.operands.map(change) };
    case 'relation':
      return { ...node, parts: node.parts.map(change) };
    case 'tuple':
    case 'list':
    case 'set':
    case 'ratio':
      return { ...node, items: node.items.map(change) };
    case 'matrix':
      return { ...node, rows: node.rows.map((row) => row.map(change)) };
    default:
      return node;
  }
}

/** Returns whether a node or any of its descendants satisfies a test. */
export function someNode(node: MathNode, test: (node: MathNode) => boolean): boolean {
  if (test(node)) return true;
  switch (node.kind) {
    case 'number':
    case 'variable':
    case 'constant':
      return false;
    case 'add':
    case 'subtract':
    case 'multiply':
    case 'divide':
    case 'power':
      return someNode(node.left, test) || someNode(node.right, test);
    default:
      return childrenOf(node).some((child) => someNode(child, test));
  }
}

/** Returns whether two trees are identical. */
export function sameTree(a: MathNode, b: MathNode): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'number' && b.kind === 'number')
    return a.value.numerator === b.value.numerator && a.value.denominator === b.value.denominator;
  if (label(a) !== label(b)) return false;
  const [left, right] = [childrenOf(a), childrenOf(b)];
  return left.length === right.length && left.every((child, index) => sameTree(child, right[index]!));
}

/** Returns the properties that distinguish a node apart from its kind and children. */
function label(node: MathNode): string {
  switch (node.kind) {
    case 'variable':
    case 'constant':
    case 'function':
    case 'call':
      return node.name;
    case 'relation':
      return node.operators.join(' ');
    case 'setOperation':
      return node.operator;
    case 'tuple':
      return node.open + node.close;
    case 'matrix':
      return node.rows.map((row) => row.length).join(' ');
    case 'based':
      return `${node.digits}_${node.base}`;
    case 'text':
      return node.text;
    case 'literal':
      return `${node.shape} ${node.value}`;
    case 'quantity':
      return node.unit;
    case 'ratio':
      return node.isTime ? 'time' : '';
    case 'list':
      return node.joint === 'or' && node.items.some((item) => item.kind === 'relation') ? 'or' : '';
    case 'plusMinus':
      return `${node.isFlipped}${node.left !== undefined}`;
    default:
      return '';
  }
}
