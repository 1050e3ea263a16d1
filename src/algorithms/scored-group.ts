import {
  environmentReward,
  finishReasonOf,
  type Rollout,
  type RolloutGroup,
  writtenTokens,
} from '../core/rollout.ts';
import type { Start } from '../core/transcript.ts';
import { turnAdvantages } from './advantages.ts';
import { rewardOf, type RewardConfig } from './reward.ts';
import type { Algorithm } from './settings.ts';

/** A judged rollout with its reward and advantage. */
export interface JudgedRollout {
  readonly rollout: Rollout;
  /** Final reward, with the algorithm's `truncated` rule applied. */
  readonly reward: number;
  readonly advantage: number;
  /** Advantage of each written span, in the order of the transcripts. If absent, every span has `advantage`. */
  readonly turnAdvantages?: readonly number[];
  /**
   * Excluded from the loss: the policy wrote nothing, or the rollout was truncated and the algorithm masks
   * such rollouts.
   */
  readonly isMasked: boolean;
}

/** A rollout without a reward: it is ungradable, or failed before it could be judged. It is never in the loss. */
interface UnjudgedRollout {
  readonly rollout: Rollout;
  readonly reward: null;
  readonly advantage: null;
  readonly isMasked: true;
}

/** A rollout with its reward and advantage, or null for both. */
export type ScoredRollout = JudgedRollout | UnjudgedRollout;

/** A group whose rollouts have rewards and advantages, ready to learn from. */
export interface ScoredGroup extends RolloutGroup {
  /** One entry per rollout, in the order of `rollouts`. */
  readonly scored: readonly ScoredRollout[];
  /**
   * True if nothing in the group changes the policy: every rollout in the loss has advantage 0. This is the
   * only definition of zero advantage; gates, metrics and batches read it. Masked rollouts do not count,
   * because they are not in the loss, though their rewards are part of the group's baseline. A group without
   * a judged rollout has zero advantage.
   */
  readonly isZeroAdvantage: boolean;
}

/** Options of {@link scoreGroup}. */
export interface ScoreOptions {
  readonly reward: RewardConfig;
  /** The token limit under which the rollouts were written. */
  readonly maxTokens: number;
  /**
   * Bonus for a correct rollout after an `incorrect` start, and penalty for a wrong rollout after a `correct`
   * start. Default 0.
   */
  readonly restartBonus?: number;
}

/**
 * Computes the rewards and advantages of one group from its verdicts.
 *
 * @example
 * const scored = scoreGroup(group, algorithm, { reward: rewardConfig.parse(outcomeReward()), maxTokens: 512 });
 */
export function scoreGroup(group: RolloutGroup, algorithm: Algorithm, options: ScoreOptions): ScoredGroup {
  const rewards = group.rollouts.map((rollout) => {
    const reward = rewardOfRollout(rollout, algorithm, options);
    return reward === null ? null : reward + bonusOf(rollout, group.start?.kind, options.restartBonus ?? 0);
  });
  const judged = rewards.filter((reward) => reward !== null);
  const advantages = algorithm.advantages(judged).values();
  const ofTurns = perTurn(group, rewards, algorithm, options)?.values();
  const scored = group.rollouts.map((rollout, i): ScoredRollout => {
    const reward = rewards[i]!;
    if (reward === null) return { rollout, reward, advantage: null, isMasked: true };
    const turns = ofTurns?.next().value;
    return {
      rollout,
      reward,
      advantage: advantages.next().value!,
      ...(turns !== undefined && { turnAdvantages: turns }),
      isMasked: isMasked(rollout, algorithm),
    };
  });
  const isZeroAdvantage = scored.every(
    (one) => one.isMasked || (one.turnAdvantages ?? [one.advantage]).every((value) => value === 0),
  );
  return { ...group, scored, isZeroAdvantage };
}

/**
 * Returns one list of turn advantages per judged rollout, or undefined if every turn has the advantage of its attempt.
 */
function perTurn(
  { rollouts }: RolloutGroup,
  rewards: readonly (number | null)[],
  { credit, truncated, advantages }: Algorithm,
  { reward: { environment = 0 } }: ScoreOptions,
): number[][] | undefined {
  if (credit === 'episode' || environment === 0) return undefined;
  const judged = rollouts.flatMap((rollout, i) => {
    const reward = rewards[i]!;
    return reward === null ? [] : [{ rollout, reward }];
  });
  const toGo = judged.map(({ rollout, reward }) => {
    const isZeroed = truncated === 'zero' && finishReasonOf(rollout) === 'length';
    let left = reward;
    return rollout.transcripts
      .flatMap(({ written }) => written)
      .map(({ reward: earned = 0 }) => {
        const here = left;
        if (!isZeroed) left -= environment * earned;
        return here;
      });
  });
  return turnAdvantages(
    judged.map(({ reward }) => reward),
    toGo,
    advantages,
  );
}

/** Returns the rollouts that have a reward. */
export function judgedRollouts({ scored }: ScoredGroup): JudgedRollout[] {
  return scored.filter((one) => one.reward !== null);
}

function bonusOf({ verdict }: Rollout, start: Start['kind'] | undefined, bonus: number): number {
  const isCorrect = verdict.outcome === 'correct';
  if (start === 'incorrect' && isCorrect) return bonus;
  return start === 'correct' && !isCorrect ? -bonus : 0;
}

function rewardOfRollout(
  rollout: Rollout,
  { truncated }: Algorithm,
  { reward, maxTokens }: ScoreOptions,
): number | null {
  if (finishReasonOf(rollout) === 'error') return null;
  const judged = rewardOf(reward, rollout.verdict);
  if (judged === null) return null;
  const { environment } = reward;
  const earned = environment === undefined ? judged : judged + environment * environmentReward(rollout);
  return limitReward(earned, rollout, truncated, maxTokens);
}

function isMasked(rollout: Rollout, { truncated }: Algorithm): boolean {
  const isTruncated = finishReasonOf(rollout) === 'length';
  return writtenTokens(rollout) === 0 || (truncated === 'mask' && isTruncated);
}

function limitReward(
  reward: number,
  rollout: Rollout,
  truncated: Algorithm['truncated'],
  maxTokens: number,
): number {
  if (truncated === 'zero' && finishReasonOf(rollout) === 'length') return 0;
  if (typeof truncated === 'string') return reward;
  return reward - softOverlongPenalty(writtenTokens(rollout), maxTokens, truncated.softOverlong.cache);
}

/**
 * Returns the penalty of DAPO eq. 13 with the opposite sign: 0 up to limit − cache, then linear up to 1 at
 * the limit.
 */
function softOverlongPenalty(length: number, maxTokens: number, cache: number): number {
  return Math.min(1, Math.max(0, (length - (maxTokens - cache)) / cache));
}
