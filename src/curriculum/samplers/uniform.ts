import * as z from 'zod';
import { EpochQueue, epochQueueState } from './epoch-queue.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';

/** Draws every problem once per epoch, each epoch in its own shuffled order: the baseline for every other sampler. */
export const uniformConfig = z.strictObject({ type: z.literal('uniform') });

/** Draws problems in shuffled epochs without repeats. */
export function uniform(): z.input<typeof uniformConfig> {
  return { type: 'uniform' };
}

export function createUniform(pool: readonly PoolProblem[], seed: number): ProblemSampler {
  const queue = new EpochQueue(
    pool.map((problem) => problem.id),
    seed,
    'uniform',
  );
  return {
    choose: (count, _step, without) => queue.take(count, without),
    observe: () => {},
    save: () => queue.save(),
    restore: (state) => queue.restore(readState(epochQueueState, state, 'uniform sampler')),
    metrics: () => ({ epoch: queue.epoch + queue.progress }),
  };
}
