import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RunError } from '../core/errors.ts';
import { withInterrupt } from './interrupt.ts';

const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
beforeEach(() => void vi.spyOn(process.stderr, 'write').mockReturnValue(true));
afterEach(() => void exit.mockClear());

/** Rejects with the signal's reason once it aborts. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason as Error)));

test.each(['SIGINT', 'SIGTERM'] as const)(
  'aborts the work on the first %s and exits on the second',
  async (name) => {
    const work = withInterrupt(untilAborted);
    process.emit(name);
    expect(exit).not.toHaveBeenCalled();
    process.emit(name);
    expect(exit).toHaveBeenCalledWith(130);
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
  },
);

test('reports INTERRUPTED for any error of aborted work that is not a GradusError', async () => {
  const failing = (error: Error) => {
    const work = withInterrupt((signal) => untilAborted(signal).catch(() => Promise.reject(error)));
    process.emit('SIGINT');
    return work;
  };
  await expect(failing(new Error('broken pipe'))).rejects.toMatchObject({ code: 'INTERRUPTED' });
  await expect(failing(new RunError('disk', { code: 'RUN_DISK_FULL' }))).rejects.toMatchObject({
    code: 'RUN_DISK_FULL',
  });
});

test('passes through results and errors, and removes its signal handlers', async () => {
  const before = process.listenerCount('SIGINT');
  expect(await withInterrupt(() => Promise.resolve(7))).toBe(7);
  await expect(withInterrupt(() => Promise.reject(new Error('own')))).rejects.toThrow('own');
  expect(process.listenerCount('SIGINT')).toBe(before);
});
