import { existsSync } from 'node:fs';
import { DataError } from '../core/errors.ts';
import { runLayout } from '../runs/files/layout.ts';
import { readShard } from '../runs/files/rollout-shard.ts';
import type { RolloutRow } from '../runs/files/rollout-row.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';

type Column = keyof RolloutRow;

/** Columns of the rollouts in a run directory or in one Parquet file. */
export interface StoredRollouts<C extends Column> {
  /** True for a run directory, which also holds a recipe. */
  readonly isRun: boolean;
  readonly count: number;
  /** In recorded order, a few hundred at a time. */
  batches(): AsyncIterable<readonly Pick<RolloutRow, C>[]>;
}

const groupsAtOnce = 64;

/**
 * Finds the rollouts of a run directory or of one Parquet file.
 *
 * @throws DataError when nothing is there; RunError for a damaged run.
 */
export async function findRollouts<C extends Column>(
  path: string,
  columns: readonly C[],
): Promise<StoredRollouts<C>> {
  if (!existsSync(path)) {
    throw new DataError(
      `${path}: expected a run directory or a Parquet file of rollouts, found nothing there`,
      {
        tryNext: 'gradus runs list',
      },
    );
  }
  if (existsSync(runLayout(path).database)) return rolloutsOfRun(path, columns);
  const rows = await readShard(path, { columns }).catch((cause: unknown) => {
    throw new DataError(
      `${path}: expected a run directory or a Parquet file of rollouts (${String(cause)})`,
      {
        cause,
      },
    );
  });
  return {
    isRun: false,
    count: rows.length,
    async *batches() {
      yield rows;
    },
  };
}

async function rolloutsOfRun<C extends Column>(
  directory: string,
  columns: readonly C[],
): Promise<StoredRollouts<C>> {
  using run = await openRunReader(directory);
  const groups = run.groups();
  return {
    isRun: true,
    count: groups.reduce((sum, { rollouts }) => sum + rollouts, 0),
    async *batches() {
      using reader = await openRunReader(directory);
      for (let at = 0; at < groups.length; at += groupsAtOnce)
        yield await reader.rollouts(groups.slice(at, at + groupsAtOnce), columns);
    },
  };
}
