import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { mergeTrials, posteriorMean, priorConfig } from '../../difficulty/pass-rates/trials.ts';
import { EpochQueue, epochQueueState } from './epoch-queue.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';

/**
 * Draws the problems whose measured pass rate is nearest to a moving target (AdaRFT, Shi et al., arXiv 2504.05520, its
 * Algorithm 1):
 *
 *     target ← clip(target − stepSize·tanh(sensitivity·(R̄ − goal)), 0, 1)
 *
 * where R̄ is the pass rate over the groups that have just finished. AdaRFT defines the update for a
 * difficulty T in 0 … 100. Here target = 1 − T/100, so its η = 50, α = 2, β = 0.5, T₀ = 0 correspond to the
 * defaults below. AdaRFT's code keeps no record of used problems and repeats those nearest to a constant
 * target; here, no problem repeats within an epoch. Problems without measurements have the prior's mean.
 */
export const targetDifficultyConfig = z.strictObject({
  type: z.literal('target-difficulty'),
  /** Target pass rate of the first step: 1 starts with the easiest problems. */
  start: z.number().min(0).max(1).default(1),
  /** Pass rate in training at which the target stays constant. */
  goal: z.number().min(0).max(1).default(0.5),
  /** Maximum change of the target in one step. */
  stepSize: z.number().positive().max(1).default(0.5),
  sensitivity: z.number().positive().default(2),
  prior: priorConfig.prefault({}),
});

/** Draws problems near a target pass rate, which falls as the policy succeeds and rises as it fails. */
export const targetDifficulty = noun(targetDifficultyConfig);

const targetDifficultyState = z.strictObject({ target: z.number().min(0).max(1), queue: epochQueueState });

export function createTargetDifficulty(
  { start, goal, stepSize, sensitivity, prior }: z.infer<typeof targetDifficultyConfig>,
  pool: readonly PoolProblem[],
  seed: number,
): ProblemSampler {
  const passRates = new Map(pool.map(({ id, measured }) => [id, posteriorMean(measured, prior)]));
  const queue = new EpochQueue([...passRates.keys()], seed, 'target-difficulty');
  let target = start;
  return {
    choose: (count, _step, without) =>
      queue.take(count, without, (id) => Math.abs(passRates.get(id)! - target)),
    observe(outcomes) {
      const ours = outcomes.filter(({ problemId }) => passRates.has(problemId));
      const { successes, trials } = mergeTrials(...ours);
      if (trials === 0) return;
      const moved = target - stepSize * Math.tanh(sensitivity * (successes / trials - goal));
      target = Math.min(1, Math.max(0, moved));
    },
    save: () => ({ target, queue: queue.save() }),
    restore(state) {
      const saved = readState(targetDifficultyState, state, 'target-difficulty sampler');
      target = saved.target;
      queue.restore(saved.queue);
    },
    metrics: () => ({ target, epoch: queue.epoch + queue.progress }),
  };
}
