import type { Change } from '../../../src/server/changes.ts';

/**
 * Listens for changes while the page is looked at: a hidden one holds no connection (browsers allow six to one server)
 * and asks for everything when it is shown again. A lost connection is made again by the browser.
 */
export function subscribeToChanges(onChange: (change: Change) => void): () => void {
  let events: EventSource | undefined;
  const hang = (): void => {
    events?.close();
    events = undefined;
  };
  const listen = (): void => {
    events = new EventSource('api/changes', { withCredentials: true });
    // Nobody knows what was missed before the connection, so its first event names every run.
    events.addEventListener('change', ({ data }: MessageEvent<string>) => {
      onChange(JSON.parse(data) as Change);
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
