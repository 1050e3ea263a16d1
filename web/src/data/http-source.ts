import type { DataSource } from './source.ts';

/** Reads from `gradus dashboard`, on the origin of the page. */
export function httpSource(): DataSource {
  return {
    isLive: true,
    runs: () => read('runs'),
    run: (folder) => read('runs', folder),
    metric: (folder, name) => read('runs', folder, 'metrics', name),
    groups: (folder) => read('runs', folder, 'groups'),
    levels: (folder) => read('runs', folder, 'levels'),
    attempts: (folder, group) => read('runs', folder, 'groups', String(group)),
    watch(folder, changed) {
      const events = new EventSource(path('runs', folder, 'events'));
      events.addEventListener('message', changed);
      return () => {
        events.close();
      };
    },
  };
}

const path = (...parts: readonly string[]): string => `api/${parts.map(encodeURIComponent).join('/')}`;

async function read<T>(...parts: readonly string[]): Promise<T> {
  const response = await fetch(path(...parts), { credentials: 'same-origin' });
  if (!response.ok) {
    throw new Error(`${path(...parts)}: expected an answer, got status ${response.status}. Is the run still there?`);
  }
  return (await response.json()) as T;
}
