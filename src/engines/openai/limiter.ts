/**
 * Adaptive limit on concurrent requests: increases by one after each successful round, and halves after an overload.
 */
export interface Limiter {
  /** Waits for a slot in FIFO order. Resolves to a function that frees it, given the outcome of the request. */
  enter(): Promise<(outcome: 'ok' | 'overloaded' | 'failed') => void>;
  /** Current limit. */
  readonly limit: number;
  readonly running: number;
}

/**
 * Creates a limiter with additive increase and multiplicative decrease, between 1 and `most`. An overload does not
 * decrease the limit again if the request began before the last decrease.
 */
export function createLimiter(most: number): Limiter {
  let limit = Math.min(most, 8);
  let running = 0;
  let round = 0;
  const waiting: (() => void)[] = [];
  const admit = (): void => {
    while (waiting.length > 0 && running < Math.floor(limit)) {
      running++;
      waiting.shift()!();
    }
  };
  return {
    get limit() {
      return Math.floor(limit);
    },
    get running() {
      return running;
    },
    async enter() {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      admit();
      await promise;
      const begun = round;
      return (outcome) => {
        running--;
        if (outcome === 'ok') limit = Math.min(most, limit + 1 / limit);
        else if (outcome === 'overloaded' && begun === round) {
          limit = Math.max(1, limit / 2);
          round++;
        }
        admit();
      };
    },
  };
}
