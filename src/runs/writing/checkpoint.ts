import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import type { CheckpointFacts } from '../files/checkpoint-rows.ts';

/**
 * Schedule and retention of checkpoints. A checkpoint contains weights, optimizer and the controller's state; a run
 * resumes from the newest checkpoint.
 */
export const checkpointConfig = z.strictObject({
  type: z.literal('checkpoints').default('checkpoints'),
  /** Number of steps between checkpoints; stage ends and the end of a run always write one. */
  everySteps: z.int().min(1).default(50),
  /** Number of the newest checkpoints to keep. */
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

/** Returns the ids to drop, given all checkpoints from oldest to newest. The newest is never dropped. */
export function outdatedCheckpoints(all: readonly CheckpointFacts[], retention: Retention): number[] {
  const best = retention.keepBest ? bestCheckpoint(all) : undefined;
  return all
    .slice(0, Math.max(0, all.length - retention.keepLast))
    .filter(({ id, isStageEnd }) => !(retention.keepStageEnds && isStageEnd) && id !== best)
    .map(({ id }) => id);
}

/** Returns the earliest checkpoint with the highest score. */
function bestCheckpoint(all: readonly CheckpointFacts[]): number | undefined {
  let best: CheckpointFacts | undefined;
  for (const checkpoint of all) {
    if (checkpoint.score !== null && checkpoint.score > (best?.score ?? -Infinity)) best = checkpoint;
  }
  return best?.id;
}
