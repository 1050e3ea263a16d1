import { type AnswerDifferences, createDifferences } from '../verifiers/answer-differences.ts';
import type { RolloutRow } from '../runs/files/rollout-row.ts';
import { type DamagedShard, findRollouts } from './stored-rollouts.ts';

/** Position of a stored rollout. */
export interface RolloutPlace {
  readonly problem: string;
  readonly step: number;
  /** Index in its group, from 0. */
  readonly rollout: number;
}

/** Counts of answers that were judged correct although their text differs from the gold answer. */
export interface StoredDifferences extends AnswerDifferences<RolloutPlace> {
  readonly rollouts: number;
  /** Rollout files that could not be read. */
  readonly damaged: readonly DamagedShard[];
}

const columns = ['step', 'problem_id', 'rollout_index', 'outcome', 'evidence'] as const;

/**
 * Counts stored `correct` verdicts whose answer differs from the gold answer as a string, grouped by the rule that
 * accepted the answer. Reads only the recorded evidence: it opens no verifier and runs no code that the run's recipe
 * names.
 *
 * @param path a run directory, or a Parquet file of rollouts.
 * @param options.examples maximum number of examples to keep for each rule.
 * @throws DataError when there are no rollouts at `path`.
 */
export async function storedDifferences(
  path: string,
  { examples, signal }: { readonly examples: number; readonly signal?: AbortSignal },
): Promise<StoredDifferences> {
  const stored = await findRollouts(path, columns);
  const differences = createDifferences<RolloutPlace>(examples);
  for await (const batch of stored.batches()) {
    signal?.throwIfAborted();
    for (const row of batch) differences.add(row, placeOf(row));
  }
  return { rollouts: stored.count, damaged: stored.damaged, ...differences.result() };
}

type Row = Pick<RolloutRow, (typeof columns)[number]>;

const placeOf = ({ problem_id: problem, step, rollout_index: rollout }: Row): RolloutPlace => ({
  problem,
  step,
  rollout,
});
