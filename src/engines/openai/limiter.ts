/** How many requests may run at once: one more for each round that went well, half after a push-back. */
export interface Limiter {
  /** Waits for a place; call what it resolves to with how the request went. */
  enter(): Promise<(went: 'well' | 'overloaded' | 'otherwise') => void>;
  /** Requests that may run at once now. */
  readonly limit: number;
  readonly running: number;
}

/** Additive increase, multiplicative decrease between 1 and `most`. Push-backs of requests begun before the last cut count once. */
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
      return (went) => {
        running--;
        if (went === 'well') limit = Math.min(most, limit + 1 / limit);
        else if (went === 'overloaded' && begun === round) {
          limit = Math.max(1, limit / 2);
          round++;
        }
        admit();
      };
    },
  };
}
