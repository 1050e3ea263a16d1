import { wholeNode } from './numerals.ts';
import { UnreadableAnswer } from './token.ts';
import type { BinaryNode, MathNode } from '../syntax.ts';

type MatrixNode = Extract<MathNode, { kind: 'matrix' }>;

/** Builds a binary operation; computes sums, differences and products of matrices entry by entry. */
export function binary(kind: BinaryNode['kind'], left: MathNode, right: MathNode): MathNode {
  if (left.kind === 'matrix' || right.kind === 'matrix') return matrixArithmetic(kind, left, right);
  return { kind, left, right };
}

/** Builds the negation of a node; negates a matrix entry by entry. */
export function negate(operand: MathNode): MathNode {
  return operand.kind === 'matrix' ? mapEntries(operand, negate) : { kind: 'negate', operand };
}

/** Builds a call of a function with a known meaning. */
export function known(name: string, ...operands: MathNode[]): MathNode {
  return { kind: 'function', name, operands };
}

/** Builds a square root, which is exact, unlike a power of one half. */
export function squareRoot(operand: MathNode): MathNode {
  return known('root', operand, wholeNode(2));
}

function matrixArithmetic(kind: BinaryNode['kind'], left: MathNode, right: MathNode): MathNode {
  if (left.kind === 'matrix' && right.kind === 'matrix') {
    if (kind === 'multiply') return matrixProduct(left, right);
    if (kind === 'add' || kind === 'subtract') return combineEntries(kind, left, right);
  }
  if (kind === 'multiply' && left.kind !== 'matrix')
    return mapEntries(right as MatrixNode, (entry) => binary(kind, left, entry));
  if ((kind === 'multiply' || kind === 'divide') && right.kind !== 'matrix') {
    return mapEntries(left as MatrixNode, (entry) => binary(kind, entry, right));
  }
  if (kind === 'power' && right.kind === 'variable' && left.kind === 'matrix') return transpose(left);
  throw new UnreadableAnswer('this operation is not defined for matrices');
}

function mapEntries(matrix: MatrixNode, change: (entry: MathNode) => MathNode): MatrixNode {
  return { kind: 'matrix', rows: matrix.rows.map((row) => row.map(change)) };
}

function combineEntries(kind: 'add' | 'subtract', left: MatrixNode, right: MatrixNode): MatrixNode {
  const rows = left.rows.map((row, i) => row.map((entry, j) => binary(kind, entry, entryAt(right, i, j))));
  return { kind: 'matrix', rows };
}

function matrixProduct(left: MatrixNode, right: MatrixNode): MatrixNode {
  const width = right.rows[0]?.length ?? 0;
  const rows = left.rows.map((row) =>
    Array.from({ length: width }, (_, j) =>
      row
        .map((entry, k) => binary('multiply', entry, entryAt(right, k, j)))
        .reduce((sum, term) => binary('add', sum, term)),
    ),
  );
  return { kind: 'matrix', rows };
}

function transpose(matrix: MatrixNode): MatrixNode {
  const width = matrix.rows[0]?.length ?? 0;
  return {
    kind: 'matrix',
    rows: Array.from({ length: width }, (_, j) => matrix.rows.map((_row, i) => entryAt(matrix, i, j))),
  };
}

function entryAt(matrix: MatrixNode, row: number, column: number): MathNode {
  const entry = matrix.rows[row]?.[column];
  if (entry === undefined) throw new UnreadableAnswer('matrix sizes do not match');
  return entry;
}
