/** Tracks pending work by name, so that a stalled process can report what it is waiting for. */
export interface PendingWork {
  /** Registers work; call the returned function when it ends. */
  begin(what: string): () => void;
  /** Number of finished items, by which a watchdog measures progress. */
  readonly ended: number;
  /** Returns the names of the items that have been pending longest, oldest first. */
  oldest(limit: number): string[];
  readonly size: number;
}

/** Creates a tracker without pending work. */
export function createPendingWork(): PendingWork {
  const waiting = new Map<number, string>();
  let started = 0;
  let ended = 0;
  return {
    begin(what) {
      const id = started++;
      waiting.set(id, what);
      return () => {
        if (waiting.delete(id)) ended++;
      };
    },
    get ended() {
      return ended;
    },
    get size() {
      return waiting.size;
    },
    oldest: (limit) => [...waiting.values()].slice(0, limit),
  };
}

/**
 * Calls `report`, with a message that names pending work, whenever no work has ended for `afterMs`.
 * Returns a function that stops watching. The timer does not keep the process alive.
 */
export function watchForStalls(
  pending: PendingWork,
  afterMs: number,
  report: (message: string) => void,
): () => void {
  let seen = pending.ended;
  let quietMs = 0;
  const tickMs = Math.max(1, Math.min(afterMs, 1000));
  const timer = setInterval(() => {
    if (pending.size === 0 || pending.ended !== seen) {
      seen = pending.ended;
      quietMs = 0;
      return;
    }
    quietMs += tickMs;
    if (quietMs % afterMs >= tickMs) return;
    const names = pending.oldest(3).join(', ');
    report(`nothing has finished for ${Math.round(quietMs / 1000)} s; waiting for ${pending.size}: ${names}`);
  }, tickMs);
  timer.unref();
  return () => clearInterval(timer);
}
