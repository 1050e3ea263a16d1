import { firstError, GradusError, RunError } from '../core/errors.ts';

/** Ctrl-C in a terminal, and how containers and schedulers ask a process to stop. */
const stopSignals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Lets people stop long work: the first Ctrl-C (or SIGTERM) aborts the signal so that the work can put everything in
 * order, the second ends the process at once with exit code 130.
 *
 * @param work gets a signal to pass on; its result is the result.
 * @throws RunError `INTERRUPTED` where the work ended because of the signal and does not say so itself.
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
