import type { Change } from '../../../src/server/changes.ts';

/** Pages ask again at most this often, milliseconds: asking and drawing takes from the machine that trains. */
const leastMs = 2000;

/**
 * Listens for changes while the page is looked at: a hidden one holds no connection (browsers allow six to one server)
 * and asks for everything when it is shown again. A lost connection is made again by the browser.
 */
export function subscribeToChanges(onChange: (change: Change) => void): () => void {
  let events: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let told = -leastMs;
  const changed = new Set<string>();
  const tell = (): void => {
    timer = undefined;
    told = performance.now();
    const runs = [...changed];
    changed.clear();
    onChange({ runs });
  };
  const hang = (): void => {
    events?.close();
    events = undefined;
    clearTimeout(timer);
    timer = undefined;
  };
  const listen = (): void => {
    events = new EventSource('api/changes', { withCredentials: true });
    // Nobody knows what was missed before the connection, so its first event names every run.
    events.addEventListener('change', ({ data }: MessageEvent<string>) => {
      for (const run of (JSON.parse(data) as Change).runs) changed.add(run);
      timer ??= setTimeout(tell, Math.max(0, told + leastMs - performance.now()));
    });
  };
  const follow = (): void => {
    if (document.visibilityState === 'hidden') hang();
    else if (events === undefined) listen();
  };
  document.addEventListener('visibilitychange', follow);
  follow();
  return () => {
    document.removeEventListener('visibilitychange', follow);
    hang();
  };
}
