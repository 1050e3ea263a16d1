import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { createRng } from '../../core/rng.ts';
import { type BetaShape, betaQuantile } from '../../statistics/beta.ts';
import { mean } from '../../statistics/summary.ts';
import { priorConfig, type Trials } from '../../difficulty/pass-rates/trials.ts';
import { drawWeighted } from './weighted-draw.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';

/**
 * Draws problems whose pass rate, sampled from its posterior, is nearest to a target (Thompson sampling; our reading of
 * MoPPS, Qu et al., arXiv 2507.04632):
 *
 *     α ← memory·α + (1 − memory)·α₀ + successes,   β ← memory·β + (1 − memory)·β₀ + failures
 *
 * It draws `candidates` problems uniformly for each problem of the batch, and chooses those with the smallest |Beta(α,
 * β) draw − target|. The defaults with published values follow the paper's recipe: target 1/2, 16 candidates
 * per problem, Beta(1, 1). The pass rate of a problem with random verdicts stays at the target forever, so
 * this sampler prefers such problems.
 */
export const thompsonPassRateConfig = z.strictObject({
  type: z.literal('thompson-pass-rate'),
  /** Target pass rate. */
  target: z.number().min(0).max(1).default(0.5),
  /** Weight of earlier groups when a new group arrives: 1 keeps all, 0 uses only the last group. */
  memory: z.number().min(0).max(1).default(0.5),
  /** Number of candidates drawn for each problem chosen. */
  candidates: z.int().positive().default(16),
  prior: priorConfig.prefault({}),
});

/** Draws problems whose sampled pass rate is near a target. */
export const thompsonPassRate = noun(thompsonPassRateConfig);

const thompsonPassRateState = z.strictObject({
  draws: z.int().min(0),
  observed: z.record(z.string(), z.strictObject({ alpha: z.number(), beta: z.number() })),
});

export function createThompsonPassRate(
  { target, memory, candidates, prior }: z.infer<typeof thompsonPassRateConfig>,
  pool: readonly PoolProblem[],
  seed: number,
): ProblemSampler {
  const measured = new Map(pool.map((problem) => [problem.id, problem.measured]));
  let observed = new Map<string, BetaShape>();
  let draws = 0;
  const beliefOf = (id: string): BetaShape => observed.get(id) ?? withTrials(prior, measured.get(id)!);
  return {
    choose(count, _step, without = new Set()) {
      const random = createRng(seed, 'sampler', 'thompson-pass-rate', draws++);
      const weightOf = (index: number): number => (without.has(pool[index]!.id) ? 0 : 1);
      return drawWeighted(candidates * count, pool.length, weightOf, random)
        .map((index) => {
          const { id } = pool[index]!;
          return { id, distance: Math.abs(betaQuantile(beliefOf(id), random.next()) - target) };
        })
        .toSorted((a, b) => a.distance - b.distance)
        .slice(0, count)
        .map(({ id }) => id);
    },
    observe(outcomes) {
      for (const { problemId, ...trials } of outcomes) {
        if (!measured.has(problemId) || trials.trials === 0) continue;
        const { alpha, beta } = beliefOf(problemId);
        const aged = {
          alpha: memory * alpha + (1 - memory) * prior.alpha,
          beta: memory * beta + (1 - memory) * prior.beta,
        };
        observed.set(problemId, withTrials(aged, trials));
      }
    },
    save: () => ({ draws, observed: Object.fromEntries(observed) }),
    restore(state) {
      const saved = readState(thompsonPassRateState, state, 'thompson-pass-rate sampler');
      draws = saved.draws;
      observed = new Map(Object.entries(saved.observed));
    },
    metrics() {
      const rates = pool.map(({ id }) => betaMean(beliefOf(id)));
      return { passRate: mean(rates), visited: observed.size / pool.length };
    },
  };
}

const withTrials = ({ alpha, beta }: BetaShape, { successes, trials }: Trials): BetaShape => ({
  alpha: alpha + successes,
  beta: beta + trials - successes,
});

const betaMean = ({ alpha, beta }: BetaShape): number => alpha / (alpha + beta);
