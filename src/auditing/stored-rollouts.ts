import { existsSync } from 'node:fs';
import { DataError, GradusError } from '../core/errors.ts';
import { runLayout } from '../runs/files/layout.ts';
import { readShard } from '../runs/files/rollout-shard.ts';
import type { RolloutRow } from '../runs/files/rollout-row.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';

type Column = keyof RolloutRow;

/** A rollout file, or part of one, that could not be read. */
export interface DamagedShard {
  readonly file: string;
  readonly rollouts: number;
  readonly reason: string;
}

/** The rollouts of a run directory or a Parquet file, with the columns `C`. */
export interface StoredRollouts<C extends Column> {
  /** True for a run directory, which also contains a recipe. */
  readonly isRun: boolean;
  readonly count: number;
  /** Unreadable shards that `batches` has skipped so far; complete once `batches` has ended. */
  readonly damaged: readonly DamagedShard[];
  /** Yields the rollouts in recorded order, in batches. */
  batches(): AsyncIterable<readonly Pick<RolloutRow, C>[]>;
}

const groupsAtOnce = 64;

/**
 * Finds the rollouts in a run directory or a Parquet file.
 *
 * @throws DataError if there are no rollouts at `path`; RunError if the run is damaged.
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
    damaged: [],
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
  const damaged: DamagedShard[] = [];
  return {
    isRun: true,
    count: groups.reduce((sum, { rollouts }) => sum + rollouts, 0),
    damaged,
    async *batches() {
      using reader = await openRunReader(directory);
      for (const [file, all] of Map.groupBy(groups, (group) => group.file)) {
        for (let at = 0; at < all.length; at += groupsAtOnce) {
          const some = all.slice(at, at + groupsAtOnce);
          const rows = await reader.rollouts(some, columns).catch((error: unknown) => {
            if (!GradusError.isInstance(error)) throw error;
            const rollouts = some.reduce((sum, group) => sum + group.rollouts, 0);
            damaged.push({ file, rollouts, reason: error.message });
          });
          if (rows !== undefined) yield rows;
        }
      }
    },
  };
}
