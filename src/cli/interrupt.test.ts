import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RunError } from '../core/errors.ts';
import { withInterrupt } from './interrupt.ts';

const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
beforeEach(() => void vi.spyOn(process.stderr, 'write').mockReturnValue(true));
afterEach(() => void exit.mockClear());

/** Work that ends with its signal's reason. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason as Error)));

test.each(['SIGINT', 'SIGTERM'] as const)(
  'the first %s lets the work end, the second ends the process',
  async (name) => {
    const work = withInterrupt(untilAborted);
    process.emit(name);
    expect(exit).not.toHaveBeenCalled();
    process.emit(name);
    expect(exit).toHaveBeenCalledWith(130);
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
  },
);

test('whatever an aborted work throws means interrupted, unless it says something better', async () => {
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

test('work that is not interrupted ends as it ends, and leaves no handler behind', async () => {
  const before = process.listenerCount('SIGINT');
  expect(await withInterrupt(() => Promise.resolve(7))).toBe(7);
  await expect(withInterrupt(() => Promise.reject(new Error('own')))).rejects.toThrow('own');
  expect(process.listenerCount('SIGINT')).toBe(before);
});
