import { type Bandit, meansAt } from '../../core/bandit/bandit.ts';
import { uniformAt } from '../../core/rng.ts';
import { normalQuantile } from '../../statistics/intervals.ts';

/**
 * Returns the reward for the given pull of an arm (0-based). All players with the same seed get the same rewards from
 * an arm, in the same order (common random numbers), so that differences within a group come only from the choices.
 */
export function drawReward(bandit: Bandit, arm: number, pull: number, turn: number, seed: number): number {
  const mean = meansAt(bandit, turn)[arm]!;
  const uniform = uniformAt(seed, arm, pull);
  if (bandit.type === 'bernoulli') return Number(uniform < mean);
  if (bandit.deviation === 0) return mean;
  // Strictly inside (0, 1), so that the quantile is finite.
  return mean + bandit.deviation * normalQuantile((uniform * 4294967296 + 0.5) / 4294967296);
}
