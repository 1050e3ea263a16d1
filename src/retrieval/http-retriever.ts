import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { durationMs, durationSchema } from '../core/text/duration.ts';
import { DataError } from '../core/errors.ts';
import { isRetryableStatus, readRetryAfter, retry, RetryableError } from '../core/async/retry.ts';
import { hashKey } from '../core/rng.ts';
import { hasEmptyText, passageOf } from './passage.ts';
import type { Retrieved, Retriever } from './retriever.ts';

/**
 * Settings of a client for a retriever that uses Search-R1's protocol over HTTP: `POST {queries, topk,
 * return_scores}`, answered with `{result: [[{document: {id, contents}, score}, …], …]}`, one list per query.
 */
export const httpRetrieverConfig = z.strictObject({
  type: z.literal('http-retriever'),
  /** Full address, e.g. `http://127.0.0.1:8000/retrieve`. */
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https address' }),
  /**
   * Name of the service's index, e.g. `wiki-18-e5`; part of the key of recorded results. Change it when the index
   * changes.
   */
  version: z.string().min(1),
  /** Time limit of one request. */
  timeout: durationSchema.default('30s'),
  /** Maximum number of attempts per request, after which its queries fail. */
  maxAttempts: z.int().min(1).default(4),
  /** Maximum number of requests in flight; queries that arrive in the meantime share the next requests. */
  maxRequests: z.int().min(1).default(4),
  /** Maximum number of queries in one request. */
  maxQueries: z.int().min(1).default(64),
});
type HttpRetrieverConfig = z.output<typeof httpRetrieverConfig>;

/** Creates the recipe entry for a retriever that is reached over HTTP. */
export const httpRetriever = noun(httpRetrieverConfig);

/** Pause before the second attempt, in milliseconds. */
const firstPauseMs = 500;
const mostAnswerBytes = 2 ** 26;

interface Waiting {
  readonly query: string;
  readonly top: number;
  readonly resolve: (found: readonly Retrieved[]) => void;
  readonly reject: (reason: unknown) => void;
}

const answerSchema = z.object({ result: z.array(z.array(z.unknown())) });

/** Creates the client; nothing is sent before the first query. Disposing of the client fails the queries in flight. */
export function openHttpRetriever(config: HttpRetrieverConfig): Retriever {
  const closed = new AbortController();
  const waiting: Waiting[] = [];
  let running = 0;
  let isDue = false;

  const sendNext = (): void => {
    isDue = false;
    while (running < config.maxRequests && waiting.length > 0) {
      const { top } = waiting[0]!;
      const batch = waiting.filter((one) => one.top === top).slice(0, config.maxQueries);
      for (const one of batch) waiting.splice(waiting.indexOf(one), 1);
      running++;
      void answer(config, batch, closed.signal).finally(() => {
        running--;
        sendNext();
      });
    }
  };

  return {
    version: `http-${config.version}`,
    search: (query, top, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly Retrieved[]>();
      if (closed.signal.aborted || signal?.aborted === true)
        return Promise.reject((signal?.aborted === true ? signal : closed.signal).reason as Error);
      const entry = { query, top, resolve, reject };
      // Do not abort the request itself: another query in it may still need the answer.
      const abort = (): void => {
        const place = waiting.indexOf(entry);
        if (place >= 0) waiting.splice(place, 1);
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      waiting.push(entry);
      if (!isDue) setImmediate(sendNext);
      isDue = true;
      return promise.finally(() => signal?.removeEventListener('abort', abort));
    },
    [Symbol.asyncDispose]: () => {
      const reason = new DataError(`${config.url}: the retriever was closed`, { code: 'CLOSED' });
      closed.abort(reason);
      for (const { reject } of waiting.splice(0)) reject(reason);
      return Promise.resolve();
    },
  };
}

/** Sends the queries of a batch, with retries, and settles each query's promise. Never rejects itself. */
async function answer(
  config: HttpRetrieverConfig,
  batch: readonly Waiting[],
  closed: AbortSignal,
): Promise<void> {
  const queries = batch.map(({ query }) => query);
  const { top } = batch[0]!;
  try {
    const lists = await retry(() => post(config, queries, top, closed), {
      key: hashKey(config.url, ...queries),
      maxAttempts: config.maxAttempts,
      pauseMs: firstPauseMs,
      signal: closed,
      giveUp: (last, attempts) =>
        failure(config, `${last.message} (tried ${attempts} ${attempts === 1 ? 'time' : 'times'})`, last),
    });
    for (const [i, { resolve }] of batch.entries()) resolve(lists[i]!);
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

const failure = ({ url }: HttpRetrieverConfig, got: string, cause?: unknown): DataError =>
  new DataError(`${url}: expected passages, got ${got}`, {
    code: 'RETRIEVER_FAILED',
    cause,
    tryNext: `curl -X POST ${url} -H 'content-type: application/json' -d '{"queries": ["test"], "topk": 1, "return_scores": true}'`,
  });

async function post(
  config: HttpRetrieverConfig,
  queries: readonly string[],
  top: number,
  closed: AbortSignal,
): Promise<Retrieved[][]> {
  const { status, headers, body } = await exchange(
    config,
    { queries, topk: top, return_scores: true },
    closed,
  );
  if (isRetryableStatus(status))
    throw new RetryableError(`status ${status}`, {
      afterMs: readRetryAfter(headers.get('retry-after'), headers.get('date')),
    });
  if (status !== 200) throw failure(config, `status ${status}: ${body.slice(0, 200)}`);
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch (cause) {
    throw new RetryableError(`a body that is not JSON: ${body.slice(0, 60)}`, { cause });
  }
  const parsed = answerSchema.safeParse(content);
  if (!parsed.success || parsed.data.result.length !== queries.length)
    throw failure(config, `a body other than {"result": [${queries.length} lists]}: ${body.slice(0, 200)}`);
  return parsed.data.result.map((list) =>
    list.slice(0, top).flatMap((one, i) => retrievedOf(one, i, config)),
  );
}

async function exchange(
  { url, timeout }: HttpRetrieverConfig,
  content: unknown,
  closed: AbortSignal,
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'gradus' },
      body: JSON.stringify(content),
      redirect: 'error',
      signal: AbortSignal.any([closed, AbortSignal.timeout(durationMs(timeout))]),
    });
    return { status: response.status, headers: response.headers, body: await readBody(response) };
  } catch (error) {
    closed.throwIfAborted();
    if (error instanceof DataError) throw error;
    const { message, cause } = error as Error;
    throw new RetryableError(cause instanceof Error ? cause.message || message : message, { cause: error });
  }
}

async function readBody(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > mostAnswerBytes)
      throw new DataError(
        `${response.url}: expected an answer of at most ${mostAnswerBytes} bytes, got more`,
      );
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/**
 * Reads `{document, score}`, or a bare document, as returned by services that ignore `return_scores`. A document with
 * an empty text is skipped, so that it does not fail the other queries of the request.
 */
function retrievedOf(value: unknown, i: number, { url }: HttpRetrieverConfig): Retrieved[] {
  const entry = z.object({ document: z.unknown(), score: z.number().optional() }).safeParse(value);
  const isWrapped = entry.success && entry.data.document !== undefined;
  const document = isWrapped ? entry.data.document : value;
  if (hasEmptyText(document)) return [];
  const passage = passageOf(document, `${url}: passage ${i + 1}`, String(i + 1));
  return [{ ...passage, score: (isWrapped ? entry.data.score : undefined) ?? 0 }];
}
