import type { Cursor } from './cursor.ts';
import type { MathNode } from '../syntax.ts';
import { UnreadableAnswer } from './tokens.ts';

/** What stands between `\begin{pmatrix}` (already taken) and its `\end`: rows at `\\`, entries at `&`. */
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
  return { kind: 'matrix', rows: rows.filter((row) => row.length > 0) };
}
