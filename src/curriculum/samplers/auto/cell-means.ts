import * as z from 'zod';
import type { Trials } from '../../../difficulty/pass-rates/trials.ts';

/** Share of a cell's evidence that remains after a step: a memory of about ten steps. */
const memory = 0.9;
/** Maximum weight, in trials, of a cell's measurements from before the stage. */
const mostMeasured = 64;

const numbers = z.array(z.number().min(0));

/** Saved form of `CellMeans`. */
export const cellMeansState = z.strictObject({
  successes: numbers,
  trials: numbers,
  tokens: numbers,
  rollouts: numbers,
  misformatted: numbers,
});

/** A rate for each cell, and the number of trials behind it. */
export interface Rates {
  mean(cell: number): number;
  weight(cell: number): number;
}

/** Number of rollouts and tokens in a group. */
interface GroupSize {
  readonly tokens: number;
  readonly rollouts: number;
  /** Unparsed rollouts that were not truncated. */
  readonly misformatted: number;
}

/**
 * Pass rate, rollout length and format failures of each cell, from the groups of recent steps. A cell without
 * evidence has mean 1/2. The mean of a cell that is no longer drawn returns to 1/2, so no cell is starved.
 */
export class CellMeans implements Rates {
  #successes: number[];
  #trials: number[];
  #tokens: number[];
  #rollouts: number[];
  #misformatted: number[];

  /** @param measured trials of each cell before the first step. */
  constructor(measured: readonly Trials[]) {
    const scale = measured.map(({ trials }) => Math.min(1, mostMeasured / Math.max(1, trials)));
    this.#successes = measured.map(({ successes }, cell) => successes * scale[cell]!);
    this.#trials = measured.map(({ trials }, cell) => trials * scale[cell]!);
    this.#tokens = measured.map(() => 0);
    this.#rollouts = measured.map(() => 0);
    this.#misformatted = measured.map(() => 0);
  }

  /** Discounts the evidence by one step. */
  age(): void {
    const counts = [this.#successes, this.#trials, this.#tokens, this.#rollouts, this.#misformatted];
    for (const values of counts) {
      for (let cell = 0; cell < values.length; cell++) values[cell]! *= memory;
    }
  }

  /** Adds the rollouts of a group, some of which may be misformatted. */
  addRollouts(cell: number, { tokens, rollouts, misformatted }: GroupSize): void {
    this.#tokens[cell]! += tokens;
    this.#rollouts[cell]! += rollouts;
    this.#misformatted[cell]! += misformatted;
  }

  /** Adds the trials of a group to the pass rate of its cell. */
  add(cell: number, { successes, trials }: Trials): void {
    this.#successes[cell]! += successes;
    this.#trials[cell]! += trials;
  }

  /** Returns the mean pass rate of a cell. */
  mean(cell: number): number {
    return (this.#successes[cell]! + 0.5) / (this.#trials[cell]! + 1);
  }

  /** Returns the number of trials behind the mean, at least 1. */
  weight(cell: number): number {
    return this.#trials[cell]! + 1;
  }

  /** Share of each cell's rollouts with the correct format, and the number of trials behind it. */
  get formats(): Rates {
    const weight = (cell: number): number => this.#rollouts[cell]! + 1;
    const mean = (cell: number): number => 1 - (this.#misformatted[cell]! + 0.5) / weight(cell);
    return { mean, weight };
  }

  /** Returns whether most rollouts of a cell are misformatted. */
  isMisformatted(cell: number): boolean {
    return 2 * this.#misformatted[cell]! > this.#rollouts[cell]!;
  }

  /**
   * Returns the expected number of tokens of a rollout in each cell, relative to the mean over all cells; 1
   * for a cell without rollouts.
   */
  relativeTokens(): number[] {
    const total = this.#tokens.reduce((sum, value) => sum + value, 0);
    const count = this.#rollouts.reduce((sum, value) => sum + value, 0);
    if (total === 0) return this.#tokens.map(() => 1);
    const overall = total / count;
    return this.#tokens.map((tokens, cell) => (tokens / overall + 1) / (this.#rollouts[cell]! + 1));
  }

  save(): z.infer<typeof cellMeansState> {
    return {
      successes: [...this.#successes],
      trials: [...this.#trials],
      tokens: [...this.#tokens],
      rollouts: [...this.#rollouts],
      misformatted: [...this.#misformatted],
    };
  }

  restore({ successes, trials, tokens, rollouts, misformatted }: z.infer<typeof cellMeansState>): void {
    this.#successes = [...successes];
    this.#trials = [...trials];
    this.#tokens = [...tokens];
    this.#rollouts = [...rollouts];
    this.#misformatted = [...misformatted];
  }
}
