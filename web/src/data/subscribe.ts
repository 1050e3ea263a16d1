import type { Change } from '../../../src/services/dashboard/watch-runs.ts';

const [leastRestMs, longestRestMs, longestLookMs] = [2000, 10_000, 10_000];

/**
 * Returns the pause after a reload that took `tookMs`, in milliseconds. The machine that shows a run often also trains
 * it, so a page uses at most 1 % of the time, but reloads at least every ten seconds.
 */
function restAfter(tookMs: number): number {
  return Math.min(longestRestMs, Math.max(leastRestMs, 99 * tookMs));
}

/**
 * Listens for changes while the page is visible. A hidden page keeps no connection open (browsers allow six per server)
 * and reloads everything when it is shown again. The browser reconnects after a lost connection.
 *
 * @param onChange reloads and renders; its promise resolves when both are done.
 */
export function subscribeToChanges(onChange: (change: Change) => Promise<void>): () => void {
  let hang: (() => void) | undefined;
  const follow = (): void => {
    if (document.visibilityState === 'visible') hang ??= listen(onChange);
    else {
      hang?.();
      hang = undefined;
    }
  };
  document.addEventListener('visibilitychange', follow);
  follow();
  return () => {
    document.removeEventListener('visibilitychange', follow);
    hang?.();
  };
}

/** Listens until the returned function is called. Changes during a reload or pause are reported together afterwards. */
function listen(onChange: (change: Change) => Promise<void>): () => void {
  const changed = new Set<string>();
  let isAtWork = false;
  /** The first reload includes building the page, so its time does not predict the next one. */
  let isFirst = true;
  const events = new EventSource('api/changes', { withCredentials: true });
  const look = async (): Promise<void> => {
    if (isAtWork || changed.size === 0 || events.readyState === EventSource.CLOSED) return;
    isAtWork = true;
    const began = performance.now();
    const drawn = onChange({ runs: [...changed] }).then(nextFrame);
    changed.clear();
    // Continues even if the server never answers.
    await Promise.race([drawn, pause(longestLookMs)]);
    await pause(restAfter(isFirst ? 0 : performance.now() - began));
    isFirst = false;
    isAtWork = false;
    void look();
  };
  // The first event of a connection names every run, because earlier changes may have been missed.
  events.addEventListener('change', ({ data }: MessageEvent<string>) => {
    for (const run of (JSON.parse(data) as Change).runs) changed.add(run);
    void look();
  });
  return () => events.close();
}

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Resolves after the next frame is painted. */
export const nextFrame = async (): Promise<void> =>
  new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
