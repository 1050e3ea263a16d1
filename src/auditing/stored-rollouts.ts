import { existsSync } from 'node:fs';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { readRunRecipe } from '../recipe/read-run-recipe.ts';
import { runLayout } from '../runs/files/layout.ts';
import { readShard } from '../runs/files/rollout-shard.ts';
import type { RolloutRow } from '../runs/files/rollout-row.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';

const columns = [
  'step',
  'problem_id',
  'domain',
  'rollout_index',
  'text',
  'finish_reason',
  'answer',
  'outcome',
  'reason',
  'verifier',
] as const;

/** The fields of a stored rollout that judging needs. */
export type StoredRollout = Pick<RolloutRow, (typeof columns)[number]>;

/** Rollouts on disk, with the recipe of their run if known. */
export interface StoredRollouts {
  readonly recipe?: Recipe;
  readonly count: number;
  /** In recorded order, a few hundred at a time. */
  batches(): AsyncIterable<readonly StoredRollout[]>;
}

const groupsAtOnce = 64;

/**
 * Finds the rollouts of a run directory or of one Parquet file.
 *
 * @throws DataError when nothing is there; RunError for a damaged run.
 */
export async function findRollouts(path: string): Promise<StoredRollouts> {
  if (!existsSync(path)) {
    throw new DataError(
      `${path}: expected a run directory or a Parquet file of rollouts, found nothing there`,
      {
        tryNext: 'gradus runs list',
      },
    );
  }
  if (existsSync(runLayout(path).database)) return rolloutsOfRun(path);
  const rows = await readShard(path, { columns }).catch((cause: unknown) => {
    throw new DataError(
      `${path}: expected a run directory or a Parquet file of rollouts (${String(cause)})`,
      {
        cause,
      },
    );
  });
  return {
    count: rows.length,
    async *batches() {
      yield rows;
    },
  };
}

async function rolloutsOfRun(directory: string): Promise<StoredRollouts> {
  using run = await openRunReader(directory);
  const groups = run.groups();
  return {
    recipe: await readRunRecipe(directory),
    count: groups.reduce((sum, { rollouts }) => sum + rollouts, 0),
    async *batches() {
      using reader = await openRunReader(directory);
      for (let at = 0; at < groups.length; at += groupsAtOnce)
        yield await reader.rollouts(groups.slice(at, at + groupsAtOnce), columns);
    },
  };
}

/** Rebuilds the problem of a stored rollout from its row, without tests. */
export const problemOfRow = ({ problem_id: id, domain, answer }: StoredRollout, source: string): Problem => ({
  id,
  domain,
  prompt: [],
  source,
  ...(answer !== null && { answer }),
});
