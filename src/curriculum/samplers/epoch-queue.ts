import * as z from 'zod';
import { createRng } from '../../core/rng.ts';

/** Saved form of an `EpochQueue`. It omits the order, which follows from seed and epoch. */
export const epochQueueState = z.strictObject({ epoch: z.int().min(0), seen: z.array(z.string()) });

const nothing: ReadonlySet<string> = new Set();

/**
 * Yields ids in shuffled epochs: each id appears once before any id repeats, and every epoch has its own
 * order. Can be resumed in the middle of an epoch.
 */
export class EpochQueue {
  readonly #ids: readonly string[];
  readonly #seed: number;
  readonly #name: string;
  #epoch = 0;
  #unseen: string[] = [];

  constructor(ids: readonly string[], seed: number, name: string) {
    this.#ids = ids;
    this.#seed = seed;
    this.#name = name;
    this.#startEpoch(0);
  }

  /** 0-based number of the current epoch. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Progress in the current epoch, 0 … 1. */
  get progress(): number {
    return 1 - this.#unseen.length / this.#ids.length;
  }

  /**
   * Returns the next `count` ids outside `without`, fewer only if there are no more. If the epoch ends, the
   * next one begins; it defers ids already taken in this call.
   *
   * @param rank ids with a lower rank come first, ties in shuffled order. Default: shuffled order.
   */
  take(count: number, without: ReadonlySet<string> = nothing, rank?: (id: string) => number): string[] {
    const taken = this.#draw(count, without, rank);
    const unavailable = new Set([...without, ...taken]);
    if (taken.length < count && this.#ids.some((id) => !unavailable.has(id))) {
      this.#startEpoch(this.#epoch + 1);
      taken.push(...this.#draw(count - taken.length, unavailable, rank));
    }
    return taken;
  }

  /** Marks ids as taken in this epoch, because another queue yielded them. */
  markSeen(ids: ReadonlySet<string>): void {
    this.#unseen = this.#unseen.filter((id) => !ids.has(id));
  }

  save(): z.infer<typeof epochQueueState> {
    const unseen = new Set(this.#unseen);
    return { epoch: this.#epoch, seen: this.#ids.filter((id) => !unseen.has(id)) };
  }

  restore(state: z.infer<typeof epochQueueState>): void {
    this.#startEpoch(state.epoch);
    this.markSeen(new Set(state.seen));
  }

  #startEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#unseen = createRng(this.#seed, 'sampler', this.#name, epoch).shuffle(this.#ids);
  }

  #draw(count: number, without: ReadonlySet<string>, rank?: (id: string) => number): string[] {
    const available = this.#unseen.filter((id) => !without.has(id));
    const ordered = rank === undefined ? available : available.toSorted((a, b) => rank(a) - rank(b));
    const drawn = ordered.slice(0, count);
    this.markSeen(new Set(drawn));
    return drawn;
  }
}
