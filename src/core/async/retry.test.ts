import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isRetryableStatus, readRetryAfter, retry, RetryableError, type RetryOptions } from './retry.ts';

/** Durations of the pauses so far, in milliseconds. */
let pauses: number[] = [];
vi.mock(import('node:timers/promises'), async (importOriginal) => {
  const original = await importOriginal();
  const setTimeout = async (ms?: number, value?: unknown, options?: { signal?: AbortSignal }) => {
    pauses.push(ms ?? 0);
    await original.setTimeout(0, undefined, options);
    return value;
  };
  return { ...original, setTimeout: setTimeout as typeof original.setTimeout };
});
beforeEach(() => (pauses = []));
afterEach(() => void (pauses = []));

const gaveUp = (last: RetryableError, attempts: number): Error =>
  new Error(`gave up after ${attempts}`, { cause: last });
const options = (more: Partial<RetryOptions> = {}): RetryOptions => ({
  key: 7,
  maxAttempts: 5,
  pauseMs: 100,
  giveUp: gaveUp,
  ...more,
});

/** Fails `times` times with the error that `fail` returns, then returns the number of attempts. */
function failing(times: number, fail: (attempt: number) => Error = () => new RetryableError('busy')) {
  let attempts = 0;
  return async (): Promise<number> => {
    attempts++;
    if (attempts <= times) throw fail(attempts);
    return attempts;
  };
}

test('pauses double up to 30 s, have a jitter factor in [0.5, 1), and are equal for equal keys', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 1000 }),
      async (key, times, pauseMs) => {
        pauses = [];
        const more = options({ key, pauseMs, maxAttempts: times + 1 });
        expect(await retry(failing(times), more)).toBe(times + 1);
        const first = pauses;
        expect(first).toHaveLength(times);
        first.forEach((ms, i) => {
          const backoff = Math.min(30_000, pauseMs * 2 ** i);
          expect(ms).toBeGreaterThanOrEqual(backoff / 2);
          expect(ms).toBeLessThan(backoff);
        });
        pauses = [];
        await retry(failing(times), more);
        expect(pauses).toEqual(first);
      },
    ),
    { numRuns: 30 },
  );
});

test('after the last attempt, throws the error that giveUp returns', async () => {
  await expect(retry(failing(5), options())).rejects.toMatchObject({
    message: 'gave up after 5',
    cause: { message: 'busy' },
  });
  expect(await retry(failing(4), options())).toBe(5);
});

test('immediately throws an error that is not retryable', async () => {
  const fatal = new TypeError('fatal');
  await expect(
    retry(
      failing(1, () => fatal),
      options(),
    ),
  ).rejects.toBe(fatal);
  expect(pauses).toEqual([]);
});

test('progress resets the count of attempts and the pauses', async () => {
  let done = 0;
  const attempt = failing(12, (n) => {
    if (n % 4 === 0) done = n;
    return new RetryableError('cut off');
  });
  expect(await retry(attempt, options({ progress: () => done }))).toBe(13);
  expect(Math.max(...pauses)).toBeLessThan(100 * 2 ** 4);
});

test('waits as long as the server requests, up to five minutes', async () => {
  const busy = (afterMs: number) => () => new RetryableError('busy', { afterMs });
  await retry(failing(1, busy(5000)), options());
  await retry(failing(1, busy(1e9)), options());
  await retry(failing(1, busy(0)), options());
  expect(pauses.slice(0, 2)).toEqual([5000, 300_000]);
  expect(pauses[2]).toBeGreaterThanOrEqual(50);
});

test("an abort ends a pause or an attempt with the signal's reason", async () => {
  const reason = new Error('stopped');
  const paused = AbortSignal.abort(reason);
  await expect(retry(failing(1), options({ signal: paused }))).rejects.toBe(reason);
  const later = new AbortController();
  const attempt = async (): Promise<never> => {
    setImmediate(() => later.abort(reason));
    throw new RetryableError('busy');
  };
  await expect(retry(attempt, options({ signal: later.signal, maxAttempts: 1e6 }))).rejects.toBe(reason);
});

test('408, 425, 429 and 5xx are retryable, other statuses are not', () => {
  const retryable = [408, 425, 429, 500, 502, 503, 504, 529];
  expect(retryable.filter((status) => !isRetryableStatus(status))).toEqual([]);
  expect([200, 301, 400, 401, 403, 404, 409, 422].filter(isRetryableStatus)).toEqual([]);
});

describe('Retry-After', () => {
  test("is read as seconds, or as a date relative to the server's clock", () => {
    const now = Date.UTC(2026, 0, 1);
    const date = new Date(now).toUTCString();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seconds) => {
        expect(readRetryAfter(String(seconds), null)).toBe(seconds * 1000);
        expect(readRetryAfter(new Date(now + seconds * 1000).toUTCString(), date)).toBe(seconds * 1000);
        expect(readRetryAfter(new Date(now - seconds * 1000).toUTCString(), date)).toBe(0);
      }),
    );
  });

  test.each([null, undefined, '', 'soon', '-1', '1.5'])('%j is missing or invalid', (header) => {
    expect(readRetryAfter(header, new Date(0).toUTCString())).toBeUndefined();
  });

  test('as a date requires the Date header of the response', () => {
    expect(readRetryAfter(new Date(0).toUTCString(), null)).toBeUndefined();
  });
});
