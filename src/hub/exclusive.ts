import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeLock } from '../storage/file-lock.ts';

/** Milliseconds between two attempts to take a lock. */
const pollMs = 100;

/**
 * Runs `action` under a lock file, so that only one call in all processes runs at a time. Waits without a limit,
 * because the holder is fetching the same bytes.
 *
 * @throws the reason of `signal`, if it aborts the wait.
 */
export async function exclusive<T>(
  path: string,
  action: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  let lock = takeLock(path, 0);
  for (; lock === undefined; lock = takeLock(path, 0)) {
    signal?.throwIfAborted();
    await sleep(pollMs);
  }
  try {
    return await action();
  } finally {
    lock[Symbol.dispose]();
  }
}
