/** Pool of gradient vectors to which runners write. */
export interface GradientBuffers {
  take(): Promise<Float32Array>;
  give(buffer: Float32Array): void;
  /** Rejects all current and later waiters: the work that would free a buffer has failed. */
  abandon(error: unknown): void;
  /**
   * Returns true if every buffer has been returned and the pool was not abandoned, so another batch can use it.
   */
  isWhole(): boolean;
}

interface Waiting {
  readonly resolve: (buffer: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Creates a pool of at most `limit` reusable buffers in shared memory, so that other threads can write them. A runner
 * far ahead of the others waits, because gradients are added in order. This cannot deadlock, because the next runner in
 * order already has a buffer.
 *
 * @param length number of elements per buffer
 */
export function createGradientBuffers(length: number, limit: number): GradientBuffers {
  const free: Float32Array[] = [];
  const waiting: Waiting[] = [];
  let made = 0;
  let failure: { readonly error: unknown } | null = null;
  return {
    take: async () => {
      if (failure !== null) throw failure.error;
      const known = free.pop();
      if (known !== undefined) return known;
      if (made === limit) return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
      made++;
      return new Float32Array(new SharedArrayBuffer(4 * length));
    },
    give: (buffer) => {
      const next = waiting.shift();
      if (next === undefined) free.push(buffer);
      else next.resolve(buffer);
    },
    abandon: (error) => {
      failure ??= { error };
      for (const { reject } of waiting.splice(0)) reject(error);
    },
    isWhole: () => failure === null && free.length === made,
  };
}
