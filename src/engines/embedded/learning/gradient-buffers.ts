/** Gradient vectors that runners write into. */
export interface GradientBuffers {
  take(): Promise<Float32Array>;
  give(buffer: Float32Array): void;
  /** Whoever waits for a buffer, now or later, gets this error: what would free one has failed. */
  abandon(error: unknown): void;
  /** Every buffer is back and none was abandoned: they can be used for another batch. */
  isWhole(): boolean;
}

interface Waiting {
  readonly resolve: (buffer: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Buffers to reuse, in shared memory so that other threads can write them. At most `limit` exist: a runner that is far
 * ahead of the others waits for one, since gradients are added in order. The one whose turn it is already holds its
 * own, so the wait ends.
 *
 * @param length of each buffer, in elements
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
