import { binary, negate } from './build.ts';
import type { Cursor } from './cursor.ts';
import type { MathNode } from '../syntax.ts';
import { UnreadableAnswer } from './token.ts';

/**
 * Parses a matrix after `\begin{pmatrix}`, which is already consumed, up to its `\end`: rows end at `\\`, entries at
 * `&`. A column of only relations is a system and becomes a list; `vmatrix` is a determinant.
 */
export function parseMatrix(cursor: Cursor): MathNode {
  const isDeterminant = cursor.peek(-1)?.value === 'vmatrix';
  const rows: MathNode[][] = [[]];
  for (;;) {
    const next = cursor.peek();
    if (next === undefined) throw new UnreadableAnswer('a matrix is never closed');
    if (next.kind === 'end') break;
    if (cursor.accept('symbol', '\\\\')) rows.push([]);
    else if (cursor.accept('symbol', '&') || cursor.accept('command', 'hline')) continue;
    else rows.at(-1)!.push(cursor.nested(() => cursor.parseInner(cursor)));
  }
  cursor.take();
  const filled = rows.filter((row) => row.length > 0);
  const isSystem =
    filled.length > 0 && filled.every((row) => row.length === 1 && row[0]!.kind === 'relation');
  if (isSystem) return { kind: 'list', items: filled.flat() };
  return isDeterminant ? determinant(filled) : { kind: 'matrix', rows: filled };
}

/** Maximum number of rows of an expanded determinant, which has n! terms. */
const maxDeterminant = 4;

/** Returns the determinant of `\begin{vmatrix}`, expanded along the first row. */
function determinant(rows: readonly (readonly MathNode[])[]): MathNode {
  const [first, ...rest] = rows;
  if (first === undefined || rows.length > maxDeterminant || rows.some((row) => row.length !== rows.length))
    throw new UnreadableAnswer(`expected a square determinant of at most ${maxDeterminant} rows`);
  if (rest.length === 0) return first[0]!;
  return first
    .map((entry, column) => {
      const minor = determinant(rest.map((row) => row.filter((_entry, index) => index !== column)));
      return binary('multiply', column % 2 === 0 ? entry : negate(entry), minor);
    })
    .reduce((sum, term) => binary('add', sum, term));
}
