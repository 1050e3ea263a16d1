/**
 * A fixed number of lanes for work that keeps a processor busy: who asks while all are taken waits its turn, so a burst
 * of completions neither floods the machine nor fills its memory with half-done work.
 *
 * @example
 * await using lanes = createLanes(2, openQuickjsSandbox);
 * const outcome = await lanes.use((sandbox) => sandbox.run(program, limits));
 */
export interface Lanes<T extends AsyncDisposable> extends AsyncDisposable {
  /** Does `work` on the next free lane. Rejects with the signal's reason when it aborts while still waiting. */
  use<R>(work: (lane: T) => Promise<R>, signal?: AbortSignal): Promise<R>;
}

/** @param open makes a lane; called when one is first needed. */
export function createLanes<T extends AsyncDisposable>(count: number, open: () => T): Lanes<T> {
  const opened: T[] = [];
  const idle: T[] = [];
  const waiting: ((lane: T) => void)[] = [];

  const acquire = async (signal: AbortSignal | undefined): Promise<T> => {
    signal?.throwIfAborted();
    const free = idle.pop();
    if (free !== undefined) return free;
    if (opened.length < count) {
      const lane = open();
      opened.push(lane);
      return lane;
    }
    return new Promise((resolve, reject) => {
      const turn = (lane: T): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve(lane);
      };
      const giveUp = (): void => {
        waiting.splice(waiting.indexOf(turn), 1);
        reject(signal!.reason as Error);
      };
      waiting.push(turn);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  };
  const release = (lane: T): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(lane);
    else next(lane);
  };
  return {
    async use(work, signal) {
      const lane = await acquire(signal);
      try {
        return await work(lane);
      } finally {
        release(lane);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((lane) => lane[Symbol.asyncDispose]()));
    },
  };
}
