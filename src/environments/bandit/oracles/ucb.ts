import { addPull, argmax, type ArmTally, emptyTallies, meanReward } from '../tally.ts';
import type { ArmIndex, Oracle } from './oracle.ts';

/**
 * Returns the mean reward and exploration bonus of each arm (UCB1, Auer et al. 2002):
 *
 *     bonus = √(2 σ² ln t / n),   t pulls in total, n of this arm
 *
 * For rewards of 0 and 1, σ = 1/2 gives √(0.5 ln t / n), the setting of EVOLvE (arXiv 2410.06238).
 *
 * @param deviation σ, the standard deviation of the rewards.
 */
export function ucbIndices(tallies: readonly ArmTally[], deviation: number): ArmIndex[] {
  const total = tallies.reduce((sum, { pulls }) => sum + pulls, 0);
  return tallies.map((one) => ({
    value: meanReward(one),
    bonus: one.pulls === 0 ? Infinity : Math.sqrt((2 * deviation ** 2 * Math.log(total)) / one.pulls),
  }));
}

/**
 * Creates an oracle that tries each arm once, then chooses the highest sum of mean and bonus; see {@link ucbIndices}.
 */
export function createUcb(arms: number, deviation: number): Oracle {
  const tallies = emptyTallies(arms);
  return {
    choose: () => argmax(ucbIndices(tallies, deviation).map(({ value, bonus }) => value + bonus)),
    observe: (pull) => addPull(tallies, pull),
  };
}
