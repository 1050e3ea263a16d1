import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import type { CheckpointFacts } from '../files/checkpoint-rows.ts';

/**
 * Schedule and retention of checkpoints. A checkpoint contains weights, optimizer and the controller's state; a run
 * resumes from the newest checkpoint.
 */
export const checkpointConfig = z.strictObject({
  type: z.literal('checkpoints').default('checkpoints'),
  /** Number of steps between checkpoints; one is also written at the end of each stage and of the run. */
  everySteps: z.int().min(1).default(50),
  /** Number of recent checkpoints to keep. */
  keepLast: z.int().min(1).default(2),
  /** Whether to also keep the checkpoint at the end of each stage. */
  keepStageEnds: z.boolean().default(true),
  /** Whether to also keep the checkpoint with the highest score, if scores are given. */
  keepBest: z.boolean().default(false),
});

/** Checkpoint settings; see `checkpointConfig` for the defaults. */
export const checkpoints = noun(checkpointConfig);

/** Retention of checkpoints; the parsed form of `checkpointConfig`. */
export type Retention = Pick<z.output<typeof checkpointConfig>, 'keepLast' | 'keepStageEnds' | 'keepBest'>;

/** Returns the ids of the checkpoints to drop, given all checkpoints from oldest to newest. Never drops the newest. */
export function outdatedCheckpoints(all: readonly CheckpointFacts[], retention: Retention): number[] {
  const best = retention.keepBest ? bestCheckpoint(all) : undefined;
  return all
    .slice(0, Math.max(0, all.length - retention.keepLast))
    .filter(({ id, isStageEnd }) => !(retention.keepStageEnds && isStageEnd) && id !== best)
    .map(({ id }) => id);
}

/** Returns the id of the earliest checkpoint with the highest score; undefined if none has a score. */
function bestCheckpoint(all: readonly CheckpointFacts[]): number | undefined {
  let best: CheckpointFacts | undefined;
  for (const checkpoint of all) {
    if (checkpoint.score !== null && checkpoint.score > (best?.score ?? -Infinity)) best = checkpoint;
  }
  return best?.id;
}
