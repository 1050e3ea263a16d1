import { createRng, hashKey, type Rng } from '../../src/core/rng.ts';
import { auto } from '../../src/curriculum/samplers/auto.ts';
import { createSampler, samplerConfig } from '../../src/curriculum/samplers/create-sampler.ts';
import { e2h } from '../../src/curriculum/samplers/e2h.ts';
import { levelWeighted } from '../../src/curriculum/samplers/level-weighted.ts';
import { prioritised } from '../../src/curriculum/samplers/prioritised.ts';
import type { PoolProblem, ProblemOutcome } from '../../src/curriculum/samplers/problem-sampler.ts';
import { targetDifficulty } from '../../src/curriculum/samplers/target-difficulty.ts';
import { thompsonLiveShare } from '../../src/curriculum/samplers/thompson-live-share.ts';
import { thompsonPassRate } from '../../src/curriculum/samplers/thompson-pass-rate.ts';
import { ucb } from '../../src/curriculum/samplers/ucb.ts';
import { uniform } from '../../src/curriculum/samplers/uniform.ts';
import { noTrials } from '../../src/difficulty/pass-rates/trials.ts';
import { mean, sum } from '../../src/statistics/summary.ts';
import { countSuccesses, type KnownProblem, measuredPool, type Policy } from './policies.ts';

const groupSize = 8;

/** A sampler under test. */
interface Arm {
  readonly name: string;
  readonly config: (pool: readonly PoolProblem[], steps: number) => Parameters<typeof samplerConfig.parse>[0];
  /** True if its pool has no measured pass rates and levels. */
  readonly isUnmeasured?: boolean;
  /**
   * True if the sampler is documented to find the problems with a signal; other samplers follow their own order (docs/curriculum.md).
   */
  readonly isAdaptive?: boolean;
}

const levelsIn = (pool: readonly PoolProblem[]): string[] =>
  ['easy', 'medium', 'hard'].filter((level) => pool.some(({ levels }) => levels.includes(level)));

/** Every sampler, with its defaults if it has any. */
export const arms: readonly Arm[] = [
  { name: 'uniform', config: uniform },
  {
    name: 'level-weighted 1:4:1',
    config: (pool) =>
      levelWeighted({
        weights: Object.fromEntries(levelsIn(pool).map((level) => [level, level === 'medium' ? 4 : 1])),
      }),
  },
  { name: 'prioritised', config: () => prioritised() },
  { name: 'target-difficulty', config: () => targetDifficulty() },
  { name: 'ucb', config: () => ucb(), isAdaptive: true },
  {
    name: 'ucb, learning rate (SEC)',
    config: () => ucb({ learningRate: 0.5, exploration: 0 }),
    isAdaptive: true,
  },
  { name: 'e2h', config: (pool, steps) => e2h({ levels: levelsIn(pool), steps }) },
  {
    name: 'thompson-pass-rate (MoPPS)',
    config: () => thompsonPassRate(),
    isUnmeasured: true,
    isAdaptive: true,
  },
  { name: 'thompson-live-share', config: () => thompsonLiveShare(), isUnmeasured: true, isAdaptive: true },
  { name: 'auto', config: () => auto(), isUnmeasured: true, isAdaptive: true },
  { name: 'auto, measured', config: () => auto(), isAdaptive: true },
];

/** Signal of one run: mean live probability of the chosen groups; groups judged by chance have none. */
export interface Signal {
  readonly perGroup: number;
  /** Signal per group of the level with the largest total. */
  readonly bestLevel: number;
  /** Signal per group of the whole pool. */
  readonly pool: number;
}

/** Runs a sampler against a policy for some steps. */
export function judge(policy: Policy, arm: Arm, seed: number, steps: number, batch = 32): Signal {
  const problems = policy.problems(seed);
  const random = createRng(seed, 'verdicts');
  const measured = measuredPool(problems, random);
  const pool = arm.isUnmeasured
    ? measured.map((problem) => ({ ...problem, levels: [], measured: noTrials }))
    : measured;
  const config = samplerConfig.parse(arm.config(pool, steps));
  const sampler = createSampler(config, pool, hashKey(seed, 'sampler'), groupSize);
  const chosen: number[] = [];
  for (let step = 0; step < steps; step++) {
    const ids = sampler.choose(batch, step).map(Number);
    chosen.push(...ids.map((id) => signalOf(problems[id]!, step)));
    sampler.observe(ids.map((id) => outcomeOf(String(id), problems[id]!.rateAt(step), random)));
  }
  const byLevel = [...Map.groupBy(problems.keys(), (i) => measured[i]!.levels[0]!).values()];
  const meanSignal = (members: Iterable<number>): number => {
    const all = [...members];
    const sampled = Array.from({ length: 12 }, (_, at) => Math.floor(((at + 0.5) * steps) / 12));
    return mean(all.map((i) => mean(sampled.map((step) => signalOf(problems[i]!, step)))));
  };
  return {
    perGroup: sum(chosen) / (batch * steps),
    bestLevel: Math.max(...byLevel.filter((members) => members.length >= batch).map(meanSignal)),
    pool: meanSignal(problems.keys()),
  };
}

/** Returns the probability that a group is mixed; 0 if chance judges it. */
function signalOf({ rateAt, isCoin }: KnownProblem, step: number): number {
  if (isCoin === true) return 0;
  const rate = rateAt(step);
  return 1 - rate ** groupSize - (1 - rate) ** groupSize;
}

function outcomeOf(problemId: string, rate: number, random: Rng): ProblemOutcome {
  const successes = countSuccesses(rate, groupSize, random);
  const verdicts = {
    correct: successes,
    incorrect: groupSize - successes,
    unparsed: 0,
    timeout: 0,
    ungradable: 0,
  };
  const meanAbsAdvantage = 2 * Math.sqrt((successes / groupSize) * (1 - successes / groupSize));
  return {
    problemId,
    successes,
    trials: groupSize,
    meanAbsAdvantage,
    verdicts,
    truncated: 0,
    tokens: 10 * groupSize,
  };
}
