import * as z from 'zod';
import { createRng } from '../../core/rng.ts';
import { noun } from '../../core/config-builder.ts';
import type { Trials } from '../../difficulty/pass-rates/trials.ts';
import { mean } from '../../statistics/summary.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';

/**
 * Draws problems with probability proportional to 1 − passRate (Kimi k1.5, arXiv 2501.12599, §2.3.4), so harder
 * problems are drawn more often. Draws without replacement within a step; there are no epochs.
 */
export const prioritisedConfig = z.strictObject({
  type: z.literal('prioritised'),
  /**
   * Weight of a problem's earlier trials when a new group arrives: 1 pools all trials, 0 uses the last group alone.
   * This setting is ours: the paper does not say how pass rates are updated as the policy changes.
   */
  memory: z.number().min(0).max(1).default(0.5),
  /** Minimum weight of a problem (0 in the paper). If above 0, always-solved problems are still drawn sometimes. */
  minWeight: z.number().min(0).max(1).default(0),
});

/** Draws harder problems more often. */
export const prioritised = noun(prioritisedConfig);

const prioritisedState = z.strictObject({
  draws: z.int().min(0),
  observed: z.record(z.string(), z.strictObject({ successes: z.number(), trials: z.number() })),
});

/** Pass rate of a problem without trials. */
const unknownPassRate = 0.5;

export function createPrioritised(
  { memory, minWeight }: z.infer<typeof prioritisedConfig>,
  pool: readonly PoolProblem[],
  seed: number,
): ProblemSampler {
  const before = new Map(pool.map((problem) => [problem.id, problem.measured]));
  let observed = new Map<string, Trials>();
  let draws = 0;
  const trialsOf = (id: string): Trials => observed.get(id) ?? before.get(id)!;
  const weightOf = (id: string): number => Math.max(minWeight, 1 - rateOf(trialsOf(id)));

  return {
    choose(count, _step, without = new Set()) {
      const random = createRng(seed, 'sampler', 'prioritised', draws++);
      const keyed = [...before.keys()].map((id) => ({ id, key: drawKey(random.next(), weightOf(id)) }));
      const eligible = keyed.filter(({ id }) => !without.has(id));
      return eligible
        .toSorted((a, b) => b.key - a.key)
        .slice(0, count)
        .map(({ id }) => id);
    },
    observe(outcomes) {
      for (const { problemId, successes, trials } of outcomes) {
        if (!before.has(problemId) || trials === 0) continue;
        const old = trialsOf(problemId);
        observed.set(problemId, {
          successes: memory * old.successes + successes,
          trials: memory * old.trials + trials,
        });
      }
    },
    save: () => ({ draws, observed: Object.fromEntries(observed) }),
    restore(state) {
      const saved = readState(prioritisedState, state, 'prioritised sampler');
      draws = saved.draws;
      observed = new Map(Object.entries(saved.observed));
    },
    metrics() {
      const rates = [...before.keys()].map((id) => rateOf(trialsOf(id)));
      return {
        passRate: mean(rates),
        visited: observed.size / before.size,
      };
    },
  };
}

function rateOf({ successes, trials }: Trials): number {
  return trials > 0 ? successes / trials : unknownPassRate;
}

/**
 * Returns a random key. Taking the problems with the largest keys draws them by weight without replacement
 * (Efraimidis & Spirakis 2006: u^(1/w), here its logarithm). Weight 0 sorts below every other weight, in
 * random order, so these problems are used only if no others are left.
 */
function drawKey(uniform: number, weight: number): number {
  return weight > 0 ? Math.log(uniform + 2 ** -33) / weight : -Number.MAX_VALUE * (0.5 + uniform / 2);
}
