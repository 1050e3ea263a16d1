import * as z from 'zod';
import { createRng } from '../../../core/rng.ts';

/** Saved form of a `UniformStream`. It omits the order, which follows from seed and epoch. */
export const uniformStreamState = z.strictObject({
  epoch: z.int().min(0),
  position: z.int().min(0),
  deferred: z.array(z.int().min(0)),
});

/**
 * Yields indices in shuffled epochs, like `EpochQueue`, but with a state whose size does not depend on the
 * pool. If an index is excluded when it is due, it is deferred to the next call.
 */
export class UniformStream {
  readonly #seed: number;
  readonly #order: Uint32Array;
  #epoch = 0;
  #position = 0;
  #deferred: number[] = [];

  /** @param size number of indices, at least 1. */
  constructor(size: number, seed: number) {
    this.#seed = seed;
    this.#order = new Uint32Array(size);
    this.#shuffle();
  }

  /** Number of completed epochs, including the fraction of the current one. */
  get epochs(): number {
    return this.#epoch + this.#position / this.#order.length;
  }

  /** Returns the next `count` indices not in `excluded`, fewer if there are no more, and adds them to `excluded`. */
  take(count: number, excluded: Set<number>): number[] {
    const taken: number[] = [];
    const wanted = Math.min(count, this.#order.length - excluded.size);
    const waiting = this.#deferred;
    this.#deferred = [];
    for (const index of waiting) this.#offer(index, taken, wanted, excluded);
    while (taken.length < wanted) {
      if (this.#position === this.#order.length) {
        this.#epoch++;
        this.#position = 0;
        this.#shuffle();
      }
      this.#offer(this.#order[this.#position++]!, taken, wanted, excluded);
    }
    return taken;
  }

  save(): z.infer<typeof uniformStreamState> {
    return { epoch: this.#epoch, position: this.#position, deferred: [...this.#deferred] };
  }

  restore({ epoch, position, deferred }: z.infer<typeof uniformStreamState>): void {
    this.#epoch = epoch;
    this.#position = position;
    this.#deferred = [...deferred];
    this.#shuffle();
  }

  #offer(index: number, taken: number[], wanted: number, excluded: Set<number>): void {
    if (excluded.has(index) || taken.length >= wanted) {
      if (!this.#deferred.includes(index)) this.#deferred.push(index);
      return;
    }
    excluded.add(index);
    taken.push(index);
  }

  #shuffle(): void {
    const random = createRng(this.#seed, 'uniform stream', this.#epoch);
    const order = this.#order;
    for (let i = 0; i < order.length; i++) order[i] = i;
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.integer(0, i);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
  }
}
