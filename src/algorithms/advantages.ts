import { mean, standardDeviation } from '../statistics/summary.ts';

/** Largest difference of two rewards, relative to the largest reward, that counts as rounding: 0.1 + 0.2 equals 0.3. */
const roundingError = 1e-9;

/**
 * Rewards minus their group's mean: Dr. GRPO (Liu et al. 2025, 2503.20783). Rewards that are equal up to rounding give
 * exact zeros, so that a difference in the last bit is not divided by ε.
 */
export function centredAdvantages(rewards: readonly number[]): Float64Array {
  if (areEqual(rewards)) return new Float64Array(rewards.length);
  const baseline = mean(rewards);
  return Float64Array.from(rewards, (reward) => reward - baseline);
}

/** (r − mean) / (std_{n−1} + ε): GRPO (Shao et al. 2024, 2402.03300, §4.1.2), with ε as in verl and TRL. */
export function standardisedAdvantages(rewards: readonly number[], epsilon: number): Float64Array {
  const spread = standardDeviation(rewards) + epsilon;
  return centredAdvantages(rewards).map((advantage) => advantage / spread);
}

/** Each reward minus the mean of the others: RLOO (Ahmadian et al. 2024, 2402.14740, eq. 8). 0 for a group of one. */
export function leaveOneOutAdvantages(rewards: readonly number[]): Float64Array {
  const count = rewards.length;
  return centredAdvantages(rewards).map((advantage) => (advantage * count) / (count - 1 || 1));
}

function areEqual(rewards: readonly number[]): boolean {
  const [low, high] = [Math.min(...rewards), Math.max(...rewards)];
  return rewards.length === 0 || high - low <= roundingError * Math.max(1, Math.abs(low), Math.abs(high));
}
