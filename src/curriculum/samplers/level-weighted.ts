import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { LevelQueues, levelQueuesState } from './level-queues.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';

/**
 * Draws levels in fixed proportions, exact over time, and the problems of a level in shuffled epochs. With
 * three levels by pass rate and weights 0.2, 1, 0.2, it equals prime-rl's default difficulty pools, except
 * that levels are measured instead of taken from the last group's mean.
 */
export const levelWeightedConfig = z.strictObject({
  type: z.literal('level-weighted'),
  /** Level name → weight. Problems outside these levels are never drawn. */
  weights: z.record(z.string(), z.number().positive()).refine((weights) => Object.keys(weights).length > 0, {
    error: 'expected at least one level, e.g. { easy: 1, hard: 2 }',
  }),
});

/** Draws levels in fixed proportions, e.g. `levelWeighted({ weights: { easy: 1, hard: 3 } })`. */
export const levelWeighted = noun(levelWeightedConfig);

export function createLevelWeighted(
  { weights }: z.infer<typeof levelWeightedConfig>,
  pool: readonly PoolProblem[],
  seed: number,
): ProblemSampler {
  const queues = new LevelQueues(Object.keys(weights), pool, seed, 'level-weighted');
  return {
    choose: (count, _step, without) => queues.take(count, weights, without),
    observe: () => {},
    save: () => queues.save(),
    restore: (state) => queues.restore(readState(levelQueuesState, state, 'level-weighted sampler')),
    metrics: () => queues.metrics(),
  };
}
