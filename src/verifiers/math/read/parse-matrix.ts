import type { Cursor } from './cursor.ts';
import type { MathNode } from '../syntax.ts';
import { UnreadableAnswer } from './token.ts';

/**
 * Parses what follows `\begin{pmatrix}` (already taken) up to its `\end`: rows at `\\`, entries at `&`. A column of
 * nothing but relations is a system, that is, a list.
 */
export function parseMatrix(cursor: Cursor): MathNode {
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
  return isSystem ? { kind: 'list', items: filled.flat() } : { kind: 'matrix', rows: filled };
}
