import { outcomes } from '../core/verdict.ts';
import type { Rollout, RolloutGroup } from '../core/rollout.ts';
import type { LossStats, StepStats } from '../engines/engine.ts';

/** A group with the reward of each of its rollouts; `null` where the verdict was ungradable. */
export interface RewardedGroup extends RolloutGroup {
  readonly rewards: readonly (number | null)[];
}

/** Named numbers of one step; an absent key was not measured. */
export type Metrics = Record<string, number>;

/**
 * What one batch of rollouts looked like, before any gate: rewards, verdicts, lengths, signal.
 * Lengths are in tokens; shares are in [0, 1].
 */
export function rolloutMetrics(groups: readonly RewardedGroup[]): Metrics {
  const rollouts = groups.flatMap(({ rollouts: all }) => all);
  const rewards = groups.flatMap(gradedRewards);
  const lengths = rollouts.map(({ tokens }) => tokens.length).toSorted((a, b) => a - b);
  const metrics: Metrics = {
    ...defined('reward/mean', mean(rewards)),
    ...defined('reward/std', standardDeviation(rewards)),
    ...defined('rollout/length/mean', mean(lengths)),
    ...defined('rollout/length/p95', lengths[Math.ceil(0.95 * lengths.length) - 1]),
    ...defined('rollout/length/max', lengths.at(-1)),
    ...defined(
      'rollout/truncated',
      mean(rollouts.map(({ finishReason }) => Number(finishReason === 'length'))),
    ),
    ...defined('rollout/confidence', mean(rollouts.map(meanLogprob).filter(Number.isFinite))),
  };
  for (const outcome of outcomes) {
    Object.assign(
      metrics,
      defined(
        `verdict/${outcome}`,
        shareOf(rollouts, ({ verdict }) => verdict.outcome === outcome),
      ),
    );
  }
  return { ...metrics, ...signalMetrics(groups), ...domainMetrics(groups) };
}

/** Shares of groups that were solved always, never or sometimes: only mixed groups carry a signal. */
function signalMetrics(groups: readonly RewardedGroup[]): Metrics {
  const graded = groups.map(gradedRewards).filter(({ length }) => length > 0);
  return {
    ...defined('group/zeroAdvantage', shareOf(graded, isEqual)),
    ...defined(
      'group/solved',
      shareOf(graded, (rewards) => isEqual(rewards) && rewards[0]! >= 1),
    ),
    ...defined(
      'group/unsolved',
      shareOf(graded, (rewards) => isEqual(rewards) && rewards[0]! <= 0),
    ),
  };
}

const isEqual = (rewards: readonly number[]): boolean => rewards.every((reward) => reward === rewards[0]);

function domainMetrics(groups: readonly RewardedGroup[]): Metrics {
  const metrics: Metrics = {};
  for (const [domain, members] of Map.groupBy(groups, ({ problem }) => problem.domain)) {
    Object.assign(metrics, defined(`reward/${domain}/mean`, mean(members.flatMap(gradedRewards))));
  }
  return metrics;
}

/** What the optimiser did with one batch. `policy/…` means are over the tokens that carried weight. */
export function learningMetrics(loss: LossStats, step: StepStats, learningRate: number): Metrics {
  return {
    'optim/loss': loss.loss,
    'optim/learningRate': learningRate,
    'optim/gradNorm': step.gradNorm,
    'batch/tokens': loss.tokens,
    'batch/sequences': loss.sequences,
    ...defined('policy/entropy', loss.entropy),
    ...defined('policy/kl', loss.kl),
    ...defined('policy/clipLow', loss.clipLow),
    ...defined('policy/clipHigh', loss.clipHigh),
    ...defined('policy/mismatchKl', loss.mismatchKl),
    ...defined('policy/maxProbabilityGap', loss.maxProbabilityGap),
  };
}

/** Rewards of the rollouts that could be judged. */
export const gradedRewards = ({ rewards }: RewardedGroup): number[] =>
  rewards.filter((reward) => reward !== null);

const meanLogprob = ({ rolloutLogprobs }: Rollout): number =>
  rolloutLogprobs.reduce((sum, logprob) => sum + logprob, 0) / rolloutLogprobs.length;

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function standardDeviation(values: readonly number[]): number | undefined {
  const centre = mean(values);
  if (centre === undefined || values.length < 2) return undefined;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

const shareOf = <T>(items: readonly T[], test: (item: T) => boolean): number | undefined =>
  mean(items.map((item) => Number(test(item))));

const defined = (name: string, value: number | undefined): Metrics =>
  value === undefined ? {} : { [name]: value };
