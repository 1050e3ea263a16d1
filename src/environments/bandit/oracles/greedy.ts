import { addPull, argmax, emptyTallies, meanReward } from '../tally.ts';
import type { Oracle } from './oracle.ts';

/**
 * Creates an oracle that tries each arm once, then chooses the one with the highest mean reward; it never explores
 * again.
 */
export function createGreedy(arms: number): Oracle {
  const tallies = emptyTallies(arms);
  return {
    choose: () => argmax(tallies.map(meanReward)),
    observe: (pull) => addPull(tallies, pull),
  };
}
