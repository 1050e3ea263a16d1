import * as z from 'zod';
import type { Trials } from '../../../difficulty/pass-rates/trials.ts';

/** Share of a cell's evidence that is left after a step: a memory of about ten steps. */
const memory = 0.9;
/** Maximum number of trials in a cell from measurements before the stage. */
const mostMeasured = 64;

const numbers = z.array(z.number().min(0));

/** Saved form of `CellMeans`. */
export const cellMeansState = z.strictObject({
  successes: numbers,
  trials: numbers,
  tokens: numbers,
  rollouts: numbers,
});

/**
 * Pass rate and rollout length of each cell, from the groups of the last steps. The mean of a cell without evidence is
 * 1/2, and an unvisited cell returns to it, so that no cell is starved.
 */
export class CellMeans {
  #successes: number[];
  #trials: number[];
  #tokens: number[];
  #rollouts: number[];

  /** @param measured trials of each cell before the first step. */
  constructor(measured: readonly Trials[]) {
    const scale = measured.map(({ trials }) => Math.min(1, mostMeasured / Math.max(1, trials)));
    this.#successes = measured.map(({ successes }, cell) => successes * scale[cell]!);
    this.#trials = measured.map(({ trials }, cell) => trials * scale[cell]!);
    this.#tokens = measured.map(() => 0);
    this.#rollouts = measured.map(() => 0);
  }

  /** Ages the evidence by a step. */
  age(): void {
    for (const values of [this.#successes, this.#trials, this.#tokens, this.#rollouts]) {
      for (let cell = 0; cell < values.length; cell++) values[cell]! *= memory;
    }
  }

  /** Adds a group. */
  add(cell: number, { successes, trials }: Trials, tokens: number, rollouts: number): void {
    this.#successes[cell]! += successes;
    this.#trials[cell]! += trials;
    this.#tokens[cell]! += tokens;
    this.#rollouts[cell]! += rollouts;
  }

  /** Mean pass rate of a cell. */
  mean(cell: number): number {
    return (this.#successes[cell]! + 0.5) / (this.#trials[cell]! + 1);
  }

  /** Trials behind the mean, at least 1. */
  weight(cell: number): number {
    return this.#trials[cell]! + 1;
  }

  /**
   * Expected tokens of a rollout of each cell, relative to the mean over all cells. A cell without rollouts has 1.
   */
  relativeTokens(): number[] {
    const total = this.#tokens.reduce((sum, value) => sum + value, 0);
    const count = this.#rollouts.reduce((sum, value) => sum + value, 0);
    if (total === 0) return this.#tokens.map(() => 1);
    const overall = total / count;
    return this.#tokens.map((tokens, cell) => (tokens / overall + 1) / (this.#rollouts[cell]! + 1));
  }

  save(): z.infer<typeof cellMeansState> {
    const [successes, trials] = [[...this.#successes], [...this.#trials]];
    return { successes, trials, tokens: [...this.#tokens], rollouts: [...this.#rollouts] };
  }

  restore({ successes, trials, tokens, rollouts }: z.infer<typeof cellMeansState>): void {
    this.#successes = [...successes];
    this.#trials = [...trials];
    this.#tokens = [...tokens];
    this.#rollouts = [...rollouts];
  }
}
