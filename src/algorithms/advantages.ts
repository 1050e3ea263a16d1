import { mean, standardDeviation } from '../statistics/summary.ts';

/**
 * Rewards count as equal if they differ by at most this, relative to the largest reward: 0.1 + 0.2 equals 0.3.
 */
const roundingError = 1e-9;

/**
 * Returns the rewards minus their group's mean: Dr. GRPO (Liu et al. 2025, 2503.20783). Rewards that are
 * equal up to rounding give exact zeros, so that a difference in the last bit is not divided by ε.
 */
export function centredAdvantages(rewards: readonly number[]): Float64Array {
  if (areEqual(rewards)) return new Float64Array(rewards.length);
  const baseline = mean(rewards);
  return Float64Array.from(rewards, (reward) => reward - baseline);
}

/**
 * Returns (r − mean) / (std_{n−1} + ε): GRPO (Shao et al. 2024, 2402.03300, §4.1.2), with ε as in verl and
 * TRL.
 */
export function standardisedAdvantages(rewards: readonly number[], epsilon: number): Float64Array {
  const spread = standardDeviation(rewards) + epsilon;
  return centredAdvantages(rewards).map((advantage) => advantage / spread);
}

/**
 * Returns each reward minus the mean of the others: RLOO (Ahmadian et al. 2024, 2402.14740, eq. 8). Returns 0 for a
 * single reward.
 */
export function leaveOneOutAdvantages(rewards: readonly number[]): Float64Array {
  const count = rewards.length;
  return centredAdvantages(rewards).map((advantage) => (advantage * count) / (count - 1 || 1));
}

/**
 * Returns the advantage of every turn in a group's attempts, computed from its return-to-go: G(i, k) is the reward that
 * attempt i earns from turn k on, 0 after its last turn. The baseline of turn k is the mean of G(·, k) over the group,
 * ended attempts included. This baseline does not depend on how many turns an attempt takes. A mean over only the
 * attempts that reach turn k does, and is biased if the policy decides when to end.
 *
 * @param returns total reward of each attempt.
 * @param toGo G(i, k), one list per attempt; entry 0 is the attempt's return.
 * @param advantages the algorithm's advantage function. Must be linear in the centred returns, so that all turns share
 * one scale.
 * @returns one list per attempt, of the same length as its list in `toGo`; zeros if all returns are equal. For an
 * algorithm without a baseline (`reinforce()`), the returns-to-go themselves.
 */
export function turnAdvantages(
  returns: readonly number[],
  toGo: readonly (readonly number[])[],
  advantages: (rewards: readonly number[]) => Float64Array,
): number[][] {
  const hasBaseline = advantages([1, 1])[0] === 0;
  if (!hasBaseline) return toGo.map((own) => [...own]);
  const whole = advantages(returns);
  const centred = centredAdvantages(returns);
  const at = centred.findIndex((one) => one !== 0);
  const scale = at < 0 ? 0 : whole[at]! / centred[at]!;
  const turns = Math.max(0, ...toGo.map(({ length }) => length));
  const baselines = Array.from({ length: turns }, (_, k) => mean(toGo.map((own) => own[k] ?? 0)));
  return toGo.map((own) => own.map((value, k) => (scale === 0 ? 0 : scale * (value - baselines[k]!))));
}

function areEqual(rewards: readonly number[]): boolean {
  const [low, high] = [Math.min(...rewards), Math.max(...rewards)];
  return rewards.length === 0 || high - low <= roundingError * Math.max(1, Math.abs(low), Math.abs(high));
}
