import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { mean, sum } from '../../statistics/summary.ts';
import { levelsIn, LevelQueues, levelQueuesState } from './level-queues.ts';
import type { PoolProblem, ProblemOutcome, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';

/**
 * A bandit over levels: it draws levels with large advantages, or with few tries so far, more often. A level's value
 * is the mean |advantage| of its recent groups, since a level whose groups are all solved or all failed teaches nothing.
 *
 * - DUMP (Wang et al., arXiv 2504.09710): UCB = mean over the last `window` groups + `exploration`·√(ln(n + 1) /
 *   (n_level + 1)), shares = softmax(UCB / `temperature`). The defaults are DUMP's (exploration √2, window 300,
 *   temperature 0.1), counted in groups.
 * - SEC (Chen et al., arXiv 2505.14970): `exploration: 0` and `learningRate` instead of a window,
 *   Q ← Q + learningRate·(|A| − Q), shares = softmax(Q / temperature).
 */
export const ucbConfig = z.strictObject({
  type: z.literal('ucb'),
  /** The arms; default: every level of the selected problems. */
  levels: z.array(z.string()).min(1).optional(),
  /** Number of groups remembered per level. */
  window: z.int().positive().default(300),
  /** If set, the value is a running mean with this step size instead of a mean over the window. */
  learningRate: z.number().positive().max(1).optional(),
  exploration: z.number().min(0).default(Math.SQRT2),
  /** A small value draws only the best level; a large value draws all levels equally. */
  temperature: z.number().positive().default(0.1),
});

/** Draws levels with a large mean |advantage|, or with few tries so far, more often. */
export const ucb = noun(ucbConfig);

type Config = z.infer<typeof ucbConfig>;

const armState = z.strictObject({ count: z.int().min(0), recent: z.array(z.number()), value: z.number() });
type Arm = z.infer<typeof armState>;
const ucbState = z.strictObject({ ...levelQueuesState.shape, arms: z.record(z.string(), armState) });

export function createUcb(config: Config, pool: readonly PoolProblem[], seed: number): ProblemSampler {
  const levelsOf = new Map(pool.map((problem) => [problem.id, problem.levels]));
  const queues = new LevelQueues(config.levels ?? levelsIn(pool), pool, seed, 'ucb');
  let arms = new Map<string, Arm>(
    queues.levels.map((level) => [level, { count: 0, recent: [], value: 0 }] as const),
  );
  const observeOne = ({ problemId, trials, meanAbsAdvantage }: ProblemOutcome): void => {
    if (trials === 0) return;
    for (const level of levelsOf.get(problemId) ?? []) {
      const arm = arms.get(level);
      if (arm !== undefined) arms.set(level, updateArm(arm, meanAbsAdvantage, config));
    }
  };
  return {
    choose: (count, _step, without) => queues.take(count, armShares(arms, config), without),
    observe: (outcomes) => outcomes.forEach(observeOne),
    save: () => ({ ...queues.save(), arms: Object.fromEntries(arms) }),
    restore(state) {
      const { arms: savedArms, ...saved } = readState(ucbState, state, 'ucb sampler');
      queues.restore(saved);
      arms = new Map([...arms].map(([level, arm]) => [level, savedArms[level] ?? arm]));
    },
    metrics() {
      const shares = armShares(arms, config);
      const perArm = [...arms].flatMap(([level, arm]) => [
        [`share/${level}`, shares[level]!] as const,
        [`advantage/${level}`, arm.value] as const,
      ]);
      return { ...queues.metrics(), ...Object.fromEntries(perArm) };
    },
  };
}

function updateArm(arm: Arm, advantage: number, { window, learningRate }: Config): Arm {
  const count = arm.count + 1;
  if (learningRate !== undefined) {
    return { count, recent: [], value: arm.value + learningRate * (advantage - arm.value) };
  }
  const recent = [...arm.recent, advantage].slice(-window);
  return { count, recent, value: mean(recent) };
}

/** Computes the softmax over the arms' scores; subtracts the highest score first to avoid overflow. */
function armShares(arms: ReadonlyMap<string, Arm>, config: Config): Record<string, number> {
  const groups = sum([...arms.values()].map((arm) => arm.count));
  const scores = [...arms].map(([level, arm]) => {
    const bonus = config.exploration * Math.sqrt(Math.log(groups + 1) / (arm.count + 1));
    return [level, (arm.value + bonus) / config.temperature] as const;
  });
  const highest = Math.max(...scores.map(([, score]) => score));
  const total = sum(scores.map(([, score]) => Math.exp(score - highest)));
  return Object.fromEntries(scores.map(([level, score]) => [level, Math.exp(score - highest) / total]));
}
