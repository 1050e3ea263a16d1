import { EngineError } from '../../core/errors.ts';
import { isRetryableStatus, readRetryAfter, retry, RetryableError } from '../../core/async/retry.ts';
import type { Address, Endpoint } from './address.ts';
import { type Answer, readAnswer, usageIn } from './answer.ts';
import { exchange, readText, type Reply } from './exchange.ts';
import type { Ledger } from './ledger.ts';
import type { Limiter } from './limiter.ts';
import { readStreamed } from './stream-answer.ts';

/** Address, limits and usage meter of a client. */
export interface ClientOptions {
  readonly address: Address;
  readonly apiKey?: string | undefined;
  readonly timeoutMs: number;
  /** Maximum pause within a streamed answer, in milliseconds. */
  readonly idleMs: number;
  readonly maxAttempts: number;
  readonly limiter: Limiter;
  readonly ledger: Ledger;
  /** Called with the time until the first piece of a streamed answer, in milliseconds. */
  readonly onFirstPiece?: (ms: number) => void;
}

/** A request for choices. */
export interface Question {
  readonly endpoint: '/chat/completions' | '/completions';
  readonly body: Readonly<Record<string, unknown>>;
  /** Number of choices requested. */
  readonly wanted: number;
  /** Maximum number of tokens per choice, which limits the size of the answer. */
  readonly maxTokens: number;
  /** Key that seeds the jitter of the pauses between attempts. */
  readonly key: number;
}

/** A request for arbitrary JSON, with a function that reads the response. */
export interface JsonRequest<Result> {
  readonly endpoint: Endpoint;
  readonly body: Readonly<Record<string, unknown>>;
  /** Maximum size of the response in bytes. */
  readonly maxBytes: number;
  /** Key that seeds the jitter of the pauses between attempts. */
  readonly key: number;
  /** Returns the result, or a phrase that describes the invalid response. */
  readonly read: (body: unknown) => Result | string;
}

/** Outcome of one request: an answer, a retryable failure, or a rejection by the server. */
export type Attempt<Result = Answer> =
  | { readonly answer: Result }
  | { readonly again: string; readonly afterMs?: number | undefined; readonly overloaded: boolean }
  | { readonly refused: string; readonly status: number };

/** Pause before the second attempt, in milliseconds. */
const firstPauseMs = 200;

/** Repeats a request until an answer has at least one complete choice; see {@link post}. */
export const ask = (options: ClientOptions, question: Question, signal: AbortSignal): Promise<Answer> =>
  post(options, requestOf(question), signal);

/** Sends a request for choices once and returns the outcome. */
export const tryOnce = (options: ClientOptions, question: Question, signal: AbortSignal): Promise<Attempt> =>
  postOnce(options, requestOf(question), signal);

/**
 * Repeats a request until its response can be read. Retries lost connections, timeouts and stalled streams,
 * 408, 409, 425, 429, 5xx, and incomplete answers.
 *
 * @throws EngineError if the server rejects the request, or after `maxAttempts`.
 */
export async function post<Result>(
  options: ClientOptions,
  request: JsonRequest<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const attempt = async (): Promise<Result> => {
    const leave = await options.limiter.enter();
    let result: Attempt<Result> | undefined;
    try {
      signal.throwIfAborted();
      result = await postOnce(options, request, signal);
    } finally {
      leave(outcomeOf(result));
    }
    if ('answer' in result) return result.answer;
    if ('refused' in result) throw failure(options, result.refused);
    throw new RetryableError(result.again, { afterMs: result.afterMs });
  };
  return retry(attempt, {
    key: request.key,
    maxAttempts: options.maxAttempts,
    pauseMs: firstPauseMs,
    signal,
    giveUp: (last, attempts) => failure(options, `none after ${attempts} attempts: ${last.message}`),
  });
}

function outcomeOf(result: Attempt<unknown> | undefined): 'ok' | 'overloaded' | 'failed' {
  if (result === undefined) return 'failed';
  if ('answer' in result) return 'ok';
  return 'again' in result && result.overloaded ? 'overloaded' : 'failed';
}

/**
 * Returns the maximum number of JSON bytes per token: text, a separate event in a stream, and
 * log-probabilities, for which llama.cpp lists 20 alternatives.
 */
const bytesPerToken = ({ stream, logprobs }: Question['body']): number =>
  512 + (stream === true ? 1536 : 0) + (logprobs === undefined ? 0 : 4096);

const requestOf = ({ endpoint, body, wanted, maxTokens, key }: Question): JsonRequest<Answer> => ({
  endpoint,
  body,
  maxBytes: 2 ** 20 + wanted * maxTokens * bytesPerToken(body),
  key,
  read: (answer) => readAnswer(answer, wanted),
});

async function postOnce<Result>(
  options: ClientOptions,
  { endpoint, body, maxBytes, read }: JsonRequest<Result>,
  signal: AbortSignal,
): Promise<Attempt<Result>> {
  const isStreamed = body['stream'] === true;
  const request = {
    url: options.address.endpoint(endpoint),
    body,
    apiKey: options.apiKey,
    timeoutMs: options.timeoutMs,
    ...(isStreamed && { idleMs: options.idleMs }),
    maxBytes,
    signal,
  };
  const begun = performance.now();
  try {
    const result = await exchange(request, async (reply) => {
      if (reply.status !== 200) return readRefusal(reply);
      return await readWhole(reply, options, read, () => options.onFirstPiece?.(performance.now() - begun));
    });
    return redacted(result, options);
  } catch (error) {
    if (signal.aborted) throw error;
    const isTimeout = error instanceof Error && error.name === 'TimeoutError';
    return redacted({ again: describe(error), overloaded: isTimeout }, options);
  }
}

async function readWhole<Result>(
  reply: Reply,
  { ledger }: ClientOptions,
  read: JsonRequest<Result>['read'],
  onPiece: () => void,
): Promise<Attempt<Result>> {
  // Some servers stream without a request to do so, and others never stream, so the content type decides.
  const isStream = /^text\/event-stream\b/i.test(reply.headers['content-type'] ?? '');
  const { body, broken } = isStream
    ? await readStreamed(reply.body, onPiece)
    : { body: parse(await readText(reply.body)), broken: undefined };
  const answer = read(body);
  const usage = usageIn(body);
  if (usage !== undefined) ledger.add(usage);
  if (typeof answer !== 'string') return { answer };
  return { again: broken ?? `${answer}; got ${JSON.stringify(body)}`, overloaded: false };
}

/** Returns parsed JSON, or the raw text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function readRefusal({ status, headers, body }: Reply): Promise<Attempt<never>> {
  const { location } = headers;
  if (status >= 300 && status < 400) {
    const where = location === undefined ? '' : ` to ${location}`;
    return {
      refused: `a redirect (HTTP ${status}${where}); set baseUrl to its target`,
      status,
    };
  }
  const text = `HTTP ${status}: ${await readText(body, 4096).catch(() => '')}`;
  // OpenAI's servers return 409 while another request holds a lock.
  if (status !== 409 && !isRetryableStatus(status)) return { refused: text, status };
  const afterMs = readRetryAfter(headers['retry-after'], headers.date);
  return { again: text, overloaded: true, afterMs };
}

/** Codes of system errors that mean that no server listens at an address. */
const unreachable: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH']);

/** Returns whether a request failed because no server listens at the address. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && unreachable.has(error.code);
}

/** Describes why a request failed. A host name with several addresses causes one error per address. */
export function describe(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : String(error);
}

/**
 * Removes the API key, which some servers repeat, from a server's message. Does so before shortening the text, because
 * a shortened text could contain part of the key.
 */
function redacted<Result>(attempt: Attempt<Result>, { apiKey }: ClientOptions): Attempt<Result> {
  const clean = (text: string): string => {
    const hidden = apiKey === undefined ? text : text.replaceAll(apiKey, '***');
    return hidden.length > 300 ? `${hidden.slice(0, 300)}…` : hidden;
  };
  if ('again' in attempt) return { ...attempt, again: clean(attempt.again) };
  if ('refused' in attempt) return { ...attempt, refused: clean(attempt.refused) };
  return attempt;
}

/** Creates the error to throw if the server gives no usable answer. */
export function failure({ address }: Pick<ClientOptions, 'address'>, what: string): EngineError {
  return new EngineError(`${address.shown}: expected a usable answer, got ${what}`, {
    code: 'MODEL_SERVER_FAILED',
    tryNext: `gradus doctor ${address.shown}`,
  });
}
