import type { RolloutRow } from '../files/rollout-row.ts';
import type { RunReader } from './run-reader.ts';
import type { GroupRow } from './run-rows.ts';

/** Opening a file costs about as much as reading this many additional rows of text. */
const nearRows = 256;

/**
 * Reads some columns of scattered groups; returns rows by group id. Groups that are close together in a shard are read
 * together, including the rows between them.
 *
 * @param most maximum number of rollouts to read from each group; default: all.
 */
export async function groupRows<F extends keyof RolloutRow>(
  run: RunReader,
  groups: readonly GroupRow[],
  columns: readonly F[],
  most = Infinity,
): Promise<ReadonlyMap<number, Pick<RolloutRow, F>[]>> {
  const found = new Map<number, Pick<RolloutRow, F>[]>();
  for (const span of spansOf(groups)) {
    const [first, last] = [span[0]!, span.at(-1)!];
    const start = first.firstRow;
    const end = last.firstRow + Math.min(most, last.rollouts);
    const rows = await run.rollouts([{ ...first, rollouts: end - start }], columns);
    for (const { id, firstRow, rollouts } of span) {
      const from = firstRow - start;
      found.set(id, rows.slice(from, from + Math.min(most, rollouts)));
    }
  }
  return found;
}

function spansOf(groups: readonly GroupRow[]): GroupRow[][] {
  const spans: GroupRow[][] = [];
  const sorted = groups.toSorted(
    (a, b) => (a.file < b.file ? -1 : Number(a.file > b.file)) || a.firstRow - b.firstRow,
  );
  for (const group of sorted) {
    const last = spans.at(-1)?.at(-1);
    const isNear = last?.file === group.file && group.firstRow - (last.firstRow + last.rollouts) <= nearRows;
    if (isNear) spans.at(-1)!.push(group);
    else spans.push([group]);
  }
  return spans;
}
