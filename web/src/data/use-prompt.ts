import { useQuery } from '@tanstack/react-query';
import type { DataSource } from './source.ts';
import { useSource } from './use-data.ts';

/** Maximum number of ids per request, equal to the server's limit. */
const mostIds = 100;

interface Waiting {
  readonly id: string;
  readonly resolve: (beginning: string | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Ids for the next request, by source and run. */
const queues = new WeakMap<DataSource, Map<string, Waiting[]>>();

/** Returns the beginning of a problem's prompt; undefined while it loads, null if the run recorded none. */
export function usePrompt(folder: string, id: string): string | null | undefined {
  const source = useSource();
  return useQuery({
    queryKey: ['prompt', folder, id],
    queryFn: () => readSoon(source, folder, id),
    // A prompt never changes, but may be recorded only with the problem's first rollout.
    refetchOnMount: (query) => query.state.data === null,
  }).data;
}

/** Collects the ids that a page requests at the same time, to send them in one request. */
function readSoon(source: DataSource, folder: string, id: string): Promise<string | null> {
  const byRun = queues.get(source) ?? new Map<string, Waiting[]>();
  queues.set(source, byRun);
  const queue = byRun.get(folder) ?? [];
  byRun.set(folder, queue);
  const { promise, resolve, reject } = Promise.withResolvers<string | null>();
  queue.push({ id, resolve, reject });
  if (queue.length === 1) setTimeout(() => void send(source, folder, queue.splice(0)));
  return promise;
}

async function send(source: DataSource, folder: string, waiting: readonly Waiting[]): Promise<void> {
  for (let at = 0; at < waiting.length; at += mostIds) {
    const part = waiting.slice(at, at + mostIds);
    try {
      const prompts = new Map(
        Object.entries(
          await source.prompts(
            folder,
            part.map(({ id }) => id),
          ),
        ),
      );
      for (const { id, resolve } of part) resolve(prompts.get(id) ?? null);
    } catch (error) {
      for (const { reject } of part) reject(error);
    }
  }
}
