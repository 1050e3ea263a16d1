import { EngineError } from '../../core/errors.ts';
import { isRetryableStatus, readRetryAfter, retry, RetryableError } from '../../core/retry.ts';
import type { Address } from './address.ts';
import { type Answer, readAnswer, usageIn } from './answer.ts';
import { exchange, readText, type Reply } from './exchange.ts';
import type { Ledger } from './ledger.ts';
import type { Limiter } from './limiter.ts';
import { readStreamed } from './stream-answer.ts';

/** Where requests go and how long they are tried. */
export interface ClientOptions {
  readonly address: Address;
  readonly apiKey?: string | undefined;
  readonly timeoutMs: number;
  /** Longest silence of a streamed answer. */
  readonly idleMs: number;
  readonly maxAttempts: number;
  readonly limiter: Limiter;
  readonly ledger: Ledger;
  /** Told how long the first piece of a streamed answer took. */
  readonly onFirstPiece?: (ms: number) => void;
}

/** A request for choices. */
export interface Question {
  readonly endpoint: '/chat/completions' | '/completions';
  readonly body: Readonly<Record<string, unknown>>;
  /** Choices asked for. */
  readonly wanted: number;
  /** Most tokens of one choice: bounds what is read of an answer. */
  readonly maxTokens: number;
  /** Decides the jitter of pauses. */
  readonly key: number;
}

/** Outcome of one request: an answer, a failure that can be retried, or the server's refusal. */
export type Attempt =
  | { readonly answer: Answer }
  | { readonly again: string; readonly afterMs?: number | undefined; readonly overloaded: boolean }
  | { readonly refused: string; readonly status: number };

/** Pause before the second attempt, in milliseconds. */
const firstPauseMs = 200;

/**
 * Sends a request until there is an answer with at least one complete choice. Retries lost connections, timeouts and
 * stalled streams, 408, 409, 425, 429, 5xx, and incomplete answers.
 *
 * @throws EngineError when the server refuses the request, or after `maxAttempts`.
 */
export async function ask(options: ClientOptions, question: Question, signal: AbortSignal): Promise<Answer> {
  const attempt = async (): Promise<Answer> => {
    const leave = await options.limiter.enter();
    let result: Attempt | undefined;
    try {
      signal.throwIfAborted();
      result = await tryOnce(options, question, signal);
    } finally {
      leave(howItWent(result));
    }
    if ('answer' in result) return result.answer;
    if ('refused' in result) throw failure(options, result.refused);
    throw new RetryableError(result.again, { afterMs: result.afterMs });
  };
  return retry(attempt, {
    key: question.key,
    maxAttempts: options.maxAttempts,
    pauseMs: firstPauseMs,
    signal,
    giveUp: (last, attempts) => failure(options, `after ${attempts} attempts: ${last.message}`),
  });
}

function howItWent(result: Attempt | undefined): 'well' | 'overloaded' | 'otherwise' {
  if (result === undefined) return 'otherwise';
  if ('answer' in result) return 'well';
  return 'overloaded' in result && result.overloaded ? 'overloaded' : 'otherwise';
}

/** Sends a request once and returns how it went. */
export async function tryOnce(
  options: ClientOptions,
  question: Question,
  signal: AbortSignal,
): Promise<Attempt> {
  const { endpoint, body, wanted, maxTokens } = question;
  const isStreamed = body['stream'] === true;
  const request = {
    url: options.address.endpoint(endpoint),
    body,
    apiKey: options.apiKey,
    timeoutMs: options.timeoutMs,
    ...(isStreamed && { idleMs: options.idleMs }),
    // A token is rarely more than a hundred bytes of JSON, its log-probability included; in a stream each has an event.
    maxBytes: 2 ** 20 + wanted * maxTokens * (isStreamed ? 2048 : 512),
    signal,
  };
  const begun = performance.now();
  try {
    const result = await exchange(request, async (reply) => {
      if (reply.status !== 200) return readRefusal(reply);
      return await readWhole(reply, options, wanted, () => options.onFirstPiece?.(performance.now() - begun));
    });
    return redacted(result, options);
  } catch (error) {
    if (signal.aborted) throw error;
    const isTimeout = error instanceof Error && error.name === 'TimeoutError';
    return redacted({ again: describe(error), overloaded: isTimeout }, options);
  }
}

async function readWhole(
  reply: Reply,
  { ledger }: ClientOptions,
  wanted: number,
  onPiece: () => void,
): Promise<Attempt> {
  // Servers stream what was not asked to be, and answer whole what was: what counts is what they say it is.
  const isStream = /^text\/event-stream\b/i.test(reply.headers['content-type'] ?? '');
  const { body, broken } = isStream
    ? await readStreamed(reply.body, onPiece)
    : { body: parse(await readText(reply.body)), broken: undefined };
  const used = usageIn(body);
  if (used !== undefined) ledger.add(used);
  const answer = readAnswer(body, wanted);
  if (typeof answer !== 'string') return { answer };
  return { again: broken ?? `${answer}; got ${JSON.stringify(body)}`, overloaded: false };
}

/** JSON, or the text that is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function readRefusal({ status, headers, body }: Reply): Promise<Attempt> {
  const { location } = headers;
  if (status >= 300 && status < 400) {
    const where = location === undefined ? '' : ` to ${location}`;
    return {
      refused: `a redirect (HTTP ${status}${where}); put the address it leads to into baseUrl`,
      status,
    };
  }
  const text = `HTTP ${status}: ${await readText(body, 4096).catch(() => '')}`;
  // 409: OpenAI's servers answer it while another request holds a lock.
  if (status !== 409 && !isRetryableStatus(status)) return { refused: text, status };
  const afterMs = readRetryAfter(headers['retry-after'], headers.date);
  return { again: text, overloaded: true, afterMs };
}

/** System errors for an address at which there is no server. */
const unreachable: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH']);

/** Whether a request failed because nobody listens at the address. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && unreachable.has(error.code);
}

/** What went wrong with a request. A name with several addresses fails for each of them. */
export function describe(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : String(error);
}

/** Servers repeat the key they were given; it is taken out before anything is cut off, which could leave a part of it. */
function redacted(attempt: Attempt, { apiKey }: ClientOptions): Attempt {
  const clean = (text: string): string => {
    const hidden = apiKey === undefined ? text : text.replaceAll(apiKey, '***');
    return hidden.length > 300 ? `${hidden.slice(0, 300)}…` : hidden;
  };
  if ('again' in attempt) return { ...attempt, again: clean(attempt.again) };
  if ('refused' in attempt) return { ...attempt, refused: clean(attempt.refused) };
  return attempt;
}

/** The error that ends the work of an engine. */
export function failure({ address }: Pick<ClientOptions, 'address'>, what: string): EngineError {
  return new EngineError(`${address.shown}: expected a completion, got ${what}`, {
    code: 'MODEL_SERVER_FAILED',
    tryNext: `gradus doctor ${address.shown}`,
  });
}
