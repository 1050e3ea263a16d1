import * as z from 'zod';
import type { Trials } from '../../../difficulty/pass-rates/trials.ts';

/** Share of the counts that remains after a step; with a longer memory, learning would look like spread. */
const memory = 0.9;
/** Initial spread of each source, and the number of groups that it counts as; 0.2 gives a prior of 4 trials. */
const [startGroups, startSpread] = [20, 0.2];
/** Limits of the spread: a prior counts as at least 1/4 and at most 4 trials. */
const [leastSpread, mostSpread] = [0.2, 0.8];

const moments = z.strictObject({
  groups: z.number().min(0),
  successes: z.number().min(0),
  trials: z.number().min(0),
  /** Σ s (s − 1) and Σ n (n − 1), whose ratio is an unbiased second moment of the pass rates. */
  pairs: z.number(),
  trialPairs: z.number(),
});

/** Saved form of a `Spread`. */
export const spreadState = z.array(moments);

/**
 * Estimates by the method of moments how much the problems of a cell differ in pass rate: 0 if all have the same rate,
 * 1 if each is always or never solved. If they differ, the mean of a cell says little about a single problem.
 */
export class Spread {
  readonly #sourceOf: Uint32Array;
  readonly #sources: number;
  #cells: z.infer<typeof spreadState>;

  constructor(sourceOf: Uint32Array, sources: number) {
    this.#sourceOf = sourceOf;
    this.#sources = sources;
    const empty = { groups: 0, successes: 0, trials: 0, pairs: 0, trialPairs: 0 };
    this.#cells = Array.from(sourceOf, () => empty);
  }

  /** Discounts the counts by one step. */
  age(): void {
    this.#cells = this.#cells.map(({ groups, successes, trials, pairs, trialPairs }) => ({
      groups: memory * groups,
      successes: memory * successes,
      trials: memory * trials,
      pairs: memory * pairs,
      trialPairs: memory * trialPairs,
    }));
  }

  /** Adds a group, whose problem must not have been chosen because of its own evidence. */
  add(cell: number, { successes, trials }: Trials): void {
    const before = this.#cells[cell]!;
    this.#cells[cell] = {
      groups: before.groups + 1,
      successes: before.successes + successes,
      trials: before.trials + trials,
      pairs: before.pairs + successes * (successes - 1),
      trialPairs: before.trialPairs + trials * (trials - 1),
    };
  }

  /** Returns, for each source, the weight, in trials, of a cell's mean in the prior of the cell's problems. */
  strengths(): number[] {
    const variances = Array.from({ length: this.#sources }, () => startGroups * startSpread * 0.25);
    const largest = Array.from({ length: this.#sources }, () => startGroups * 0.25);
    for (const [cell, { groups, successes, trials, pairs, trialPairs }] of this.#cells.entries()) {
      if (groups < 1.5 || trialPairs <= 0) continue;
      const mean = successes / trials;
      const source = this.#sourceOf[cell]!;
      variances[source]! += (groups ** 2 / (groups - 1)) * (pairs / trialPairs - mean ** 2);
      largest[source]! += groups * mean * (1 - mean);
    }
    return variances.map((variance, source) => {
      const spread = Math.min(mostSpread, Math.max(leastSpread, variance / largest[source]!));
      return 1 / spread - 1;
    });
  }

  save(): z.infer<typeof spreadState> {
    return [...this.#cells];
  }

  restore(saved: z.infer<typeof spreadState>): void {
    this.#cells = [...saved];
  }
}
