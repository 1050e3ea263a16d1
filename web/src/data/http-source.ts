import type { DataSource } from './source.ts';

/** Reads from `gradus dashboard`, which the page came from. */
export function httpSource(): DataSource {
  return {
    runs: () => read('runs'),
    run: (folder) => read('runs', folder),
    metric: (folder, name) => read('runs', folder, 'metrics', name),
    groups: (folder) => read('runs', folder, 'groups'),
    levels: (folder) => read('runs', folder, 'levels'),
    attempts: (folder, group) => read('runs', folder, 'groups', String(group)),
  };
}

async function read<T>(...parts: readonly string[]): Promise<T> {
  const path = `api/${parts.map(encodeURIComponent).join('/')}`;
  const response = await fetch(path, { credentials: 'same-origin' });
  if (!response.ok)
    throw new Error(`${path}: expected an answer, got status ${response.status}; is the run still there?`);
  return (await response.json()) as T;
}
