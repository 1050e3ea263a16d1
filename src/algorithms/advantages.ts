import { mean, standardDeviation } from '../statistics/summary.ts';

/** Rewards minus their group's mean: Dr. GRPO (Liu et al. 2025, 2503.20783). */
export function centredAdvantages(rewards: readonly number[]): Float64Array {
  // Equal rewards must give exact zeros; a mean may be off by one bit, which ε would then blow up.
  if (rewards.every((reward) => reward === rewards[0])) return new Float64Array(rewards.length);
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
