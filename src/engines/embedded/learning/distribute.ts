import type { MicrobatchRunner } from './microbatch-runner.ts';

/**
 * Gives each runner the next item when it finishes one. Results are in item order. After a failure, starts no new
 * item and throws the first error once all runners are idle.
 */
export async function distribute<Item, Result>(
  runners: readonly MicrobatchRunner[],
  items: readonly Item[],
  run: (runner: MicrobatchRunner, item: Item, order: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (runner: MicrobatchRunner): Promise<void> => {
    while (next < items.length) {
      const order = next++;
      try {
        results[order] = await run(runner, items[order]!, order);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await allDone(runners.map(work));
  return results;
}

/** Works like `Promise.all`, but waits for all promises even after a failure. */
export async function allDone(work: readonly Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(work)) if (end.status === 'rejected') throw end.reason;
}
