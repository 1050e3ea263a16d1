import type { Pull } from '../tally.ts';

/** An algorithm that plays bandits, as a baseline for the policy. */
export interface Oracle {
  /**
   * Chooses an arm. Ties go to the first arm.
   *
   * @param context features of the turn; undefined without context.
   * @param random draws from [0, 1).
   */
  choose(context: readonly number[] | undefined, random: () => number): number;
  /** Learns from a choice and its reward. */
  observe(pull: Pull): void;
}

/** Estimated value of an arm and its exploration bonus; both Infinity for an untried arm. */
export interface ArmIndex {
  readonly value: number;
  readonly bonus: number;
}
