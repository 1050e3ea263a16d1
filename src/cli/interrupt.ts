import { firstError, GradusError, RunError } from '../core/errors.ts';

/** Ctrl-C in a terminal, and the stop signal of containers and schedulers. */
const stopSignals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Makes long work interruptible: the first Ctrl-C (or SIGTERM) aborts the signal, so that the work can stop cleanly;
 * the second exits at once with code 130.
 *
 * @param work receives the signal; its result is returned.
 * @throws RunError `INTERRUPTED` when the aborted work fails without a `GradusError`.
 * @example
 * const directory = await withInterrupt((signal) => startTraining(recipe, 'runs', { signal }));
 */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nstopping cleanly; press Ctrl-C again to stop at once\n');
    controller.abort(new RunError('stopped by the user', { code: 'INTERRUPTED' }));
  };
  for (const name of stopSignals) process.on(name, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted || GradusError.isInstance(firstError(error))) throw error;
    throw new RunError('stopped by the user', { code: 'INTERRUPTED', cause: error });
  } finally {
    for (const name of stopSignals) process.off(name, stop);
  }
}
