/** Number of pulls of an arm, and the sum of their rewards. */
export interface ArmTally {
  pulls: number;
  sum: number;
}

/** A choice and its reward. */
export interface Pull {
  /** Index of the chosen arm, 0-based. */
  readonly arm: number;
  readonly reward: number;
  /** Features of the turn; absent without context. */
  readonly context?: readonly number[] | undefined;
}

/** Returns the tallies of arms without pulls. */
export const emptyTallies = (arms: number): ArmTally[] =>
  Array.from({ length: arms }, () => ({ pulls: 0, sum: 0 }));

/** Adds a pull to the tallies, in place. */
export function addPull(tallies: readonly ArmTally[], { arm, reward }: Pull): void {
  const tally = tallies[arm]!;
  tally.pulls++;
  tally.sum += reward;
}

/** Returns the mean reward of an arm; Infinity for an untried one, so that it is tried first. */
export const meanReward = ({ pulls, sum }: ArmTally): number => (pulls === 0 ? Infinity : sum / pulls);

/** Returns the index of the largest value, the first one in case of ties. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
