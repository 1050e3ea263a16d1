import type { PlayEvent, PlayRequest } from '../../../src/services/dashboard/play.ts';
import { readLines } from './read-lines.ts';
import type { DataSource } from './source.ts';
import { subscribeToChanges } from './subscribe.ts';

/** Loads data from the `gradus dashboard` that served the page. */
export function httpSource(): DataSource {
  return {
    isServed: true,
    runs: () => read(['runs']),
    run: (folder) => read(['runs', folder]),
    outcome: (folder) => read(['runs', folder, 'outcome']),
    notes: (folder, query = {}) => read(['runs', folder, 'notes'], query),
    metrics: (folder, name, range = {}) => read(['runs', folder, 'metrics'], { name, ...range }),
    progress: (folder) => read(['runs', folder, 'progress']),
    facets: (folder) => read(['runs', folder, 'facets']),
    differences: (folder) => read(['runs', folder, 'differences']),
    groups: (folder, query) => read(['runs', folder, 'groups'], query),
    rollouts: (folder, query) => read(['runs', folder, 'rollouts'], query),
    group: (folder, id) => read(['runs', folder, 'groups', String(id)]),
    problems: (folder, query) => read(['runs', folder, 'problems'], query),
    problem: (folder, id) => read(['runs', folder, 'problem'], { id }),
    prompts: (folder, id) => read(['runs', folder, 'prompts'], { id }),
    search: (folder, query) => read(['runs', folder, 'search'], query),
    answers: (folder, query) => read(['runs', folder, 'answers'], query),
    levels: (folder, query = {}) => read(['runs', folder, 'levels'], query),
    curriculum: (folder) => read(['runs', folder, 'curriculum']),
    strategies: (folder) => read(['runs', folder, 'strategies']),
    compare: (before, after) => read(['compare'], { before, after }),
    compareSeeds: (before, after) => read(['compare', 'seeds'], { before, after }),
    annotate: (folder, annotations) => post(['runs', folder, 'annotations'], annotations),
    trash: () => read(['trash']),
    moveToTrash: (folder) => post(['runs', folder, 'trash'], {}),
    restore: (folder) => post(['trash', folder, 'restore'], {}),
    models: (folder) => read(['runs', folder, 'models']),
    play,
    subscribe: subscribeToChanges,
    omitted: () => [],
  };
}

async function read<T>(parts: readonly string[], query: Readonly<Record<string, unknown>> = {}): Promise<T> {
  const path = `api/${parts.map(encodeURIComponent).join('/')}${searchOf(query)}`;
  const response = await fetch(path, { credentials: 'same-origin' });
  if (!response.ok) throw await failure(path, response);
  return (await response.json()) as T;
}

async function post(parts: readonly string[], body: object): Promise<void> {
  const path = `api/${parts.map(encodeURIComponent).join('/')}`;
  const response = await send(path, body);
  if (!response.ok) throw await failure(path, response);
}

const send = (path: string, body: object, signal?: AbortSignal): Promise<Response> =>
  fetch(path, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  });

/** Formats a query; a list becomes a repeated key. */
function searchOf(query: Readonly<Record<string, unknown>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

async function* play(request: PlayRequest, signal: AbortSignal): AsyncIterable<PlayEvent> {
  const response = await send('api/play', request, signal);
  if (!response.ok) throw await failure('api/play', response);
  for await (const line of readLines(response.body!)) yield JSON.parse(line) as PlayEvent;
}

/** Returns the error in a response, or one with its status. */
async function failure(path: string, response: Response): Promise<Error> {
  const body = (await response.json().catch(() => null)) as { error?: unknown } | null;
  if (typeof body?.error === 'string') return new Error(body.error);
  return new Error(`${path}: HTTP status ${response.status}; is the dashboard still running?`);
}
