import type { Rollout, RolloutGroup } from '../core/rollout.ts';
import { rewardOf, type RewardConfig } from './reward.ts';
import type { Algorithm } from './settings.ts';

/** A rollout with what it earned. */
export interface ScoredRollout {
  readonly rollout: Rollout;
  /** After the truncated-rollout policy. */
  readonly reward: number;
  readonly advantage: number;
  /** Left out of the loss: it wrote nothing, or was truncated and the algorithm masks those. */
  readonly isMasked: boolean;
}

/** A group ready to learn from. */
export interface ScoredGroup extends RolloutGroup {
  /** One per rollout, after the truncated-rollout policy; `null` for ungradable and failed rollouts. */
  readonly rewards: readonly (number | null)[];
  /** The rollouts that have a reward. */
  readonly scored: readonly ScoredRollout[];
  /** Nothing in it moves the policy: every rollout in the loss has advantage 0. */
  readonly isZeroAdvantage: boolean;
}

/** How a group is scored. */
export interface ScoreOptions {
  readonly reward: RewardConfig;
  /** The token limit the rollouts were written under. */
  readonly maxTokens: number;
}

/**
 * Verdicts → rewards → advantages for one group.
 *
 * @example
 * const scored = scoreGroup(group, algorithm, { reward: rewardConfig.parse(outcomeReward()), maxTokens: 512 });
 */
export function scoreGroup(group: RolloutGroup, algorithm: Algorithm, options: ScoreOptions): ScoredGroup {
  const rewards = group.rollouts.map((rollout) => rewardOfRollout(rollout, algorithm, options));
  const judged = group.rollouts.flatMap((rollout, i) => {
    const reward = rewards[i]!;
    return reward === null ? [] : [{ rollout, reward, isMasked: isMasked(rollout, algorithm) }];
  });
  const advantages = algorithm.advantages(judged.map(({ reward }) => reward));
  const scored = judged.map((rollout, i) => ({ ...rollout, advantage: advantages[i]! }));
  const isZeroAdvantage = scored.every((rollout) => rollout.isMasked || rollout.advantage === 0);
  return { ...group, rewards, scored, isZeroAdvantage };
}

function rewardOfRollout(
  rollout: Rollout,
  { truncated }: Algorithm,
  { reward, maxTokens }: ScoreOptions,
): number | null {
  if (rollout.finishReason === 'error' || rollout.finishReason === 'aborted') return null;
  const earned = rewardOf(reward, rollout.verdict);
  return earned === null ? null : limitReward(earned, rollout, truncated, maxTokens);
}

function isMasked({ tokens, finishReason }: Rollout, { truncated }: Algorithm): boolean {
  return tokens.length === 0 || (truncated === 'mask' && finishReason === 'length');
}

function limitReward(
  reward: number,
  { tokens, finishReason }: Rollout,
  truncated: Algorithm['truncated'],
  maxTokens: number,
): number {
  if (truncated === 'zero' && finishReason === 'length') return 0;
  if (typeof truncated === 'string') return reward;
  return reward - softOverlongPenalty(tokens.length, maxTokens, truncated.softOverlong.cache);
}

/** DAPO eq. 13 with its sign turned: 0 up to limit − cache, then a straight line to 1 at the limit. */
function softOverlongPenalty(length: number, maxTokens: number, cache: number): number {
  return Math.min(1, Math.max(0, (length - (maxTokens - cache)) / cache));
}
