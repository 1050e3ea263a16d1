import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { LevelQueues, levelQueuesState } from './level-queues.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';

/**
 * The easy-to-hard schedules of E2H Reasoner (Parashar et al., arXiv 2506.06632): the share of each level depends only
 * on the step. There are K levels, easiest first, k = 0 … K−1; t = step / steps, and t = 1 after the last step.
 *
 * - `classic`: only level ⌊t·K⌋, so that each level gets an equal number of steps;
 * - `balanced`: equal shares of all levels at every step;
 * - `cosine` (E2H-C): α·(K−1−k) + (1−α)·k with α = (1 + cos πt) / 2;
 * - `gaussian` (E2H-G): exp(−(x − k)² / 2σ²) with x = t^β·(K−1); a smaller β leaves the easy levels sooner,
 * and a smaller σ mixes levels less.
 */
export const e2hConfig = z.strictObject({
  type: z.literal('e2h'),
  schedule: z.enum(['classic', 'balanced', 'cosine', 'gaussian']).default('gaussian'),
  /** Level names, easiest first. */
  levels: z.array(z.string()).min(1),
  /** Steps from the easy end to the hard end, usually the stage's `maxSteps`. */
  steps: z.int().positive(),
  /** `gaussian` only: exponent of progress. */
  beta: z.number().positive().default(0.5),
  /** `gaussian` only: width, in levels. */
  sigma: z.number().positive().default(0.5),
});

/**
 * Draws levels on a fixed schedule from easy to hard, e.g. `e2h({ levels: ['easy', 'medium', 'hard'], steps: 300 })`.
 */
export const e2h = noun(e2hConfig);

/** Returns the share of each level at a step; the shares sum to 1. */
export function e2hShares(config: z.infer<typeof e2hConfig>, step: number): number[] {
  const progress = Math.min(1, step / config.steps);
  const weights = config.levels.map((_, level) => weightOf(config, level, progress));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

export function createE2h(
  config: z.infer<typeof e2hConfig>,
  pool: readonly PoolProblem[],
  seed: number,
): ProblemSampler {
  const queues = new LevelQueues(config.levels, pool, seed, 'e2h');
  let latest = 0;
  const weightsAt = (step: number): Record<string, number> => {
    const shares = e2hShares(config, step);
    return Object.fromEntries(config.levels.map((level, k) => [level, shares[k]!]));
  };
  return {
    choose(count, step, without) {
      latest = step;
      return queues.take(count, weightsAt(step), without);
    },
    observe: () => {},
    save: () => ({ latest, ...queues.save() }),
    restore(state) {
      const { latest: savedStep, ...saved } = readState(e2hState, state, 'e2h sampler');
      latest = savedStep;
      queues.restore(saved);
    },
    metrics: () => ({ ...queues.metrics(), ...prefixed('share', weightsAt(latest)) }),
  };
}

const e2hState = z.strictObject({ ...levelQueuesState.shape, latest: z.int().min(0) });

function weightOf(config: z.infer<typeof e2hConfig>, level: number, progress: number): number {
  const last = config.levels.length - 1;
  switch (config.schedule) {
    case 'classic':
      return level === Math.min(last, Math.floor(progress * config.levels.length)) ? 1 : 0;
    case 'balanced':
      return 1;
    case 'cosine': {
      if (last === 0) return 1;
      const alpha = (1 + Math.cos(Math.PI * progress)) / 2;
      return alpha * (last - level) + (1 - alpha) * level;
    }
    case 'gaussian': {
      const distance = progress ** config.beta * last - level;
      return Math.exp(-(distance ** 2) / (2 * config.sigma ** 2));
    }
  }
}

function prefixed(prefix: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}/${key}`, value]));
}
