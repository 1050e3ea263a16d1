import type { Change } from '../../../src/services/dashboard/changes.ts';

const [leastRestMs, longestRestMs, longestLookMs] = [2000, 10_000, 10_000];

/**
 * How long a page rests after asking and drawing took `tookMs`, in milliseconds. The machine that shows a run is often
 * the one that trains it: a page is at work a hundredth of the time, and yet looks every ten seconds.
 */
function restAfter(tookMs: number): number {
  return Math.min(longestRestMs, Math.max(leastRestMs, 99 * tookMs));
}

/**
 * Listens for changes while the page is looked at: a hidden one holds no connection (browsers allow six to one server)
 * and asks for everything when it is shown again. A lost connection is made again by the browser.
 *
 * @param onChange asks again and draws; its promise keeps when both are done.
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

/** Until the returned function is called. What changes while the page looks or rests is told together afterwards. */
function listen(onChange: (change: Change) => Promise<void>): () => void {
  const changed = new Set<string>();
  let isAtWork = false;
  /** The first look falls into the making of the page: how long it took says nothing of the next. */
  let isFirst = true;
  const events = new EventSource('api/changes', { withCredentials: true });
  const look = async (): Promise<void> => {
    if (isAtWork || changed.size === 0 || events.readyState === EventSource.CLOSED) return;
    isAtWork = true;
    const began = performance.now();
    const drawn = onChange({ runs: [...changed] }).then(nextFrame);
    changed.clear();
    // A server that never answers is asked again all the same.
    await Promise.race([drawn, pause(longestLookMs)]);
    await pause(restAfter(isFirst ? 0 : performance.now() - began));
    isFirst = false;
    isAtWork = false;
    void look();
  };
  // Nobody knows what was missed before the connection, so its first event names every run.
  events.addEventListener('change', ({ data }: MessageEvent<string>) => {
    for (const run of (JSON.parse(data) as Change).runs) changed.add(run);
    void look();
  });
  return () => events.close();
}

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Keeps once what is to be drawn was drawn. */
const nextFrame = async (): Promise<void> =>
  new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
