import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { EngineError } from '../../core/errors.ts';
import { uniformAt } from '../../core/rng.ts';
import type { Limiter } from './limiter.ts';
import { readRetryAfter } from '../../core/retry-after.ts';

/** Where requests go and how long they are tried. */
export interface ClientOptions {
  readonly baseUrl: string;
  readonly apiKey?: string;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly limiter: Limiter;
}

const chatAnswer = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullable() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .length(1),
  usage: z.object({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) }).nullish(),
});

/** A chat completion as servers answer it: exactly one choice. */
export type ChatAnswer = z.output<typeof chatAnswer>;

type Attempt =
  | { readonly answer: ChatAnswer }
  | { readonly again: string; readonly afterMs?: number; readonly overloaded: boolean };

/**
 * Asks for one chat completion until it is answered whole. What may pass is tried again after a jittered exponential
 * pause, or the pause that the server asks for: lost connections, deadlines, 408, 409, 429, 5xx, answers that are no
 * JSON or do not hold exactly one choice.
 *
 * @param key decides the jitter.
 * @throws EngineError when the server refuses, or after `maxAttempts`.
 */
export async function askChat(
  options: ClientOptions,
  body: Readonly<Record<string, unknown>>,
  key: number,
  signal: AbortSignal,
): Promise<ChatAnswer> {
  for (let attempt = 1; ; attempt++) {
    const leave = await options.limiter.enter();
    let result: Attempt | undefined;
    try {
      signal.throwIfAborted();
      result = await tryOnce(options, body, signal);
    } finally {
      leave(
        result === undefined
          ? 'otherwise'
          : 'answer' in result
            ? 'well'
            : result.overloaded
              ? 'overloaded'
              : 'otherwise',
      );
    }
    if ('answer' in result) return result.answer;
    if (attempt >= options.maxAttempts) throw failure(options, `after ${attempt} attempts: ${result.again}`);
    const pause = Math.min(30_000, 100 * 2 ** attempt) * (0.5 + uniformAt(key, attempt) / 2);
    await sleep(Math.max(pause, Math.min(result.afterMs ?? 0, 300_000)), undefined, { signal });
  }
}

async function tryOnce(
  options: ClientOptions,
  body: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Attempt> {
  try {
    const response = await fetch(`${options.baseUrl}/chat/completions`, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(options.apiKey !== undefined && { authorization: `Bearer ${options.apiKey}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
    });
    const text = await response.text();
    const { status } = response;
    if (!response.ok) {
      const what = `HTTP ${status}: ${text.slice(0, 200)}`;
      if (status < 500 && ![408, 409, 429].includes(status)) throw failure(options, what);
      const afterMs = readRetryAfter(
        response.headers.get('retry-after'),
        performance.timeOrigin + performance.now(),
      );
      return { again: what, overloaded: true, ...(afterMs !== undefined && { afterMs }) };
    }
    const parsed = chatAnswer.safeParse(JSON.parse(text));
    if (parsed.success) return { answer: parsed.data };
    return { again: `expected one choice, got ${text.slice(0, 200)}`, overloaded: false };
  } catch (error) {
    if (signal.aborted || error instanceof EngineError) throw error;
    const isTimeout = error instanceof Error && error.name === 'TimeoutError';
    return { again: String(error), overloaded: isTimeout };
  }
}

function failure({ baseUrl, apiKey }: ClientOptions, what: string): EngineError {
  // Some servers repeat the key they were given.
  const text = apiKey === undefined ? what : what.replaceAll(apiKey, '***');
  return new EngineError(`${baseUrl}: expected a completion, got ${text}`, {
    code: 'MODEL_SERVER_FAILED',
    tryNext: `curl ${baseUrl}/models`,
  });
}
