import { GradusError } from '../errors.ts';

/** Settings of a pool. */
export interface PoolOptions<Lane extends AsyncDisposable> {
  /** Name of the pool in the error that calls throw after it is closed, e.g. `the Python sandbox`. */
  readonly name: string;
  /** Maximum number of open lanes. */
  readonly size: number;
  /** Opens a lane: on demand, up to `size`, and to replace one that died. */
  readonly open: () => Lane | Promise<Lane>;
  /**
   * Returns false for a lane that has died, so that the pool replaces it. Default: every lane counts as alive, because
   * lanes restart by themselves.
   */
  readonly isAlive?: (lane: Lane) => boolean;
}

/**
 * A fixed number of lanes (threads or processes) for CPU-bound work. Callers beyond that number wait in FIFO order, so
 * that a burst of work neither overloads the machine nor fills its memory.
 *
 * @example
 * await using pool = createPool({ name: 'the sandbox', size: 2, open: openQuickjsSandbox });
 * const outcome = await pool.use((sandbox) => sandbox.run(program, limits), signal);
 */
export interface Pool<Lane extends AsyncDisposable> extends AsyncDisposable {
  /**
   * Runs `work` on the next free lane. Failed work releases its lane. Work that breaks its lane must leave it dead (see
   * `isAlive`); the next caller then gets a new lane.
   *
   * @param signal ends the wait for a lane; work that has begun must handle the signal itself.
   * @throws the signal's reason, the error of `open` or of `work`, or a `GradusError` with code `CLOSED`.
   */
  use<Result>(work: (lane: Lane) => Promise<Result>, signal?: AbortSignal): Promise<Result>;
}

/**
 * Creates a pool; no lane is opened yet. Disposing closes all lanes, including busy ones, and rejects all waiting
 * callers. Once all lanes are closed, it throws the first error that closing a lane raised.
 */
export function createPool<Lane extends AsyncDisposable>(options: PoolOptions<Lane>): Pool<Lane> {
  return new LanePool(options);
}

interface Caller<Lane> {
  readonly resolve: (lane: Lane) => void;
  readonly reject: (reason: unknown) => void;
}

class LanePool<Lane extends AsyncDisposable> implements Pool<Lane> {
  readonly #options: PoolOptions<Lane>;
  readonly #callers: Caller<Lane>[] = [];
  readonly #idle: Lane[] = [];
  /** Lanes that are idle, at work or being closed. */
  readonly #lanes = new Set<Lane>();
  readonly #openings = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: PoolOptions<Lane>) {
    this.#options = options;
  }

  async use<Result>(work: (lane: Lane) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const lane = await this.#acquire(signal);
    try {
      // The signal may have aborted between the moment the lane was assigned and now.
      signal?.throwIfAborted();
      return await work(lane);
    } finally {
      await this.#release(lane);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#callers.splice(0)) reject(this.#closed());
    await Promise.all(this.#openings);
    const closings = await Promise.allSettled(Array.from(this.#lanes, (lane) => this.#close(lane)));
    const failed = closings.find((closing) => closing.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #acquire(signal: AbortSignal | undefined): Promise<Lane> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw this.#closed();
    const { promise, ...caller } = Promise.withResolvers<Lane>();
    const giveUp = (): void => {
      const index = this.#callers.indexOf(caller);
      // The caller already has a lane or an error; `use` releases the lane.
      if (index === -1) return;
      this.#callers.splice(index, 1);
      caller.reject(signal!.reason);
    };
    this.#callers.push(caller);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#serve();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  async #release(lane: Lane): Promise<void> {
    if (this.#isAlive(lane) && !this.#isClosed) this.#idle.push(lane);
    else await this.#discard(lane);
    this.#serve();
  }

  /**
   * Assigns idle lanes to the first callers in the queue, and opens a lane for each further caller, up to the pool's
   * size.
   */
  #serve(): void {
    while (this.#callers.length > 0 && this.#idle.length > 0) {
      const lane = this.#idle.pop()!;
      if (this.#isAlive(lane)) this.#callers.shift()!.resolve(lane);
      else void this.#discard(lane).then(() => this.#serve());
    }
    const room = this.#options.size - this.#lanes.size - this.#openings.size;
    const wanted = Math.min(room, this.#callers.length - this.#openings.size);
    for (let count = 0; count < wanted; count++) {
      const opening = this.#open().finally(() => {
        this.#openings.delete(opening);
        this.#serve();
      });
      this.#openings.add(opening);
    }
  }

  /** Opens a lane; an error rejects the first caller in the queue. */
  async #open(): Promise<void> {
    try {
      const lane = await this.#options.open();
      this.#lanes.add(lane);
      if (this.#isClosed) await this.#discard(lane);
      else this.#idle.push(lane);
    } catch (error) {
      this.#callers.shift()?.reject(error);
    }
  }

  #isAlive(lane: Lane): boolean {
    return this.#options.isAlive?.(lane) ?? true;
  }

  async #close(lane: Lane): Promise<void> {
    try {
      await lane[Symbol.asyncDispose]();
    } finally {
      this.#lanes.delete(lane);
    }
  }

  /** Closes a lane that is no longer needed. Ignores errors, because no caller depends on the lane. */
  async #discard(lane: Lane): Promise<void> {
    await this.#close(lane).catch(() => undefined);
  }

  #closed(): GradusError {
    return new GradusError('CLOSED', `${this.#options.name} is closed`);
  }
}
