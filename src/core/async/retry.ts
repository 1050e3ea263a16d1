import { setTimeout as sleep } from 'node:timers/promises';
import { uniformAt } from '../rng.ts';

/** A transient failure: a lost connection, a busy server, a truncated answer. Only errors of this class are retried. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  /** Minimum pause before the next attempt, in milliseconds, from the server's `Retry-After`. */
  readonly afterMs: number | undefined;
  constructor(message: string, options: ErrorOptions & { readonly afterMs?: number | undefined } = {}) {
    super(message, options);
    this.afterMs = options.afterMs;
  }
}

/** Limits and pauses of a retry. */
export interface RetryOptions {
  /** Seed of the jitter (`hashKey`): equal keys give equal pauses. */
  readonly key: number;
  /** Number of attempts without progress before the retry gives up; at least 1. */
  readonly maxAttempts: number;
  /** Pause before the second attempt, in milliseconds; it doubles with each further attempt, up to 30 s. */
  readonly pauseMs: number;
  /** Aborting ends a pause and the retry, with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** Returns a measure of progress. An increase resets the count of attempts and the pauses. */
  readonly progress?: (() => number) | undefined;
  /** Returns the error to throw after the last attempt. */
  readonly giveUp: (last: RetryableError, attempts: number) => Error;
}

/** Longest pauses from backoff and from `Retry-After`, in milliseconds. */
const maxBackoffMs = 30_000;
const maxRequestedMs = 300_000;

/**
 * Runs `attempt` until it succeeds, with exponential backoff. A pause is the backoff times a factor in [0.5, 1) that
 * depends only on the key and the attempt, or the pause that the server requests, if that is longer.
 *
 * @throws the error of `giveUp` after `maxAttempts`; the reason of an aborted signal; any error of `attempt` that is
 * not a `RetryableError`, immediately.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { key, maxAttempts, signal, progress = () => 0 } = options;
  let reached = progress();
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof RetryableError)) throw error;
      if (progress() > reached) [attempts, reached] = [1, progress()];
      if (attempts >= maxAttempts) throw options.giveUp(error, attempts);
      const backoff = Math.min(maxBackoffMs, options.pauseMs * 2 ** (attempts - 1));
      const jittered = backoff * (0.5 + uniformAt(key, attempts) / 2);
      await pause(Math.max(jittered, Math.min(error.afterMs ?? 0, maxRequestedMs)), signal);
    }
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Returns whether an HTTP status means "try again later": 408, 425, 429 and 5xx. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/**
 * Reads `Retry-After`, in seconds or as an HTTP date (RFC 9110, 10.2.3), and returns milliseconds from now. Compares a
 * date with the server's own clock, so this machine's clock does not matter.
 *
 * @param serverDate the `Date` header of the same response.
 * @returns undefined for a missing or invalid header.
 */
export function readRetryAfter(
  header: string | null | undefined,
  serverDate: string | null | undefined,
): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Za-z]{3},? /.test(text)) return undefined;
  const pauseMs = Date.parse(text) - Date.parse(serverDate ?? '');
  return Number.isNaN(pauseMs) ? undefined : Math.max(0, pauseMs);
}
