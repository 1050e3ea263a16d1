import * as http from 'node:http';
import * as https from 'node:https';

/** One request and how far it may go. */
export interface Exchange {
  readonly url: URL;
  /** Absent: GET. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly apiKey?: string | undefined;
  readonly timeoutMs: number;
  /** Longest silence of the answer's body, before its first byte too. */
  readonly idleMs?: number;
  /** Largest answer that is read. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** An answer whose body is still to be read, once. */
export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Throws after a silence or where the body is too large. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A server that has gone silent, or says more than an answer can be. */
export class BrokenExchange extends Error {
  override readonly name = 'BrokenExchange';
}

/**
 * Sends a request and hands the answer to `read`. Nothing follows a redirect, so that a key goes nowhere else. However
 * it ends, the connection is not held.
 *
 * @throws BrokenExchange, a `TimeoutError` after the deadline, a system error, or what `read` throws.
 */
export async function exchange<Result>(
  { timeoutMs, idleMs, maxBytes, signal, ...to }: Exchange,
  read: (reply: Reply) => Promise<Result>,
): Promise<Result> {
  const ended = new AbortController();
  const silence = createSilence(idleMs, ended);
  const whole = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const response = await send(to, whole);
    silence.heard();
    const guarded = guard(response, maxBytes, silence.heard);
    return await read({ status: response.statusCode ?? 0, headers: response.headers, body: guarded });
  } catch (error) {
    throw whole.aborted ? whole.reason : error;
  } finally {
    silence.end();
    ended.abort();
  }
}

/**
 * Not `fetch`, which gives up where the head of an answer takes five minutes, whatever the deadline: without streaming there
 * is no head before the last token.
 */
function send(
  { url, body, apiKey }: Pick<Exchange, 'url' | 'body' | 'apiKey'>,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const { request } = url.protocol === 'https:' ? https : http;
  const headers = {
    'user-agent': 'gradus',
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request(url, { method, headers, signal }, resolve);
    // Also for what goes wrong later, of which the body tells.
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function* guard(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  heard: () => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    heard();
    bytes += chunk.length;
    if (bytes > maxBytes) throw new BrokenExchange(`an answer of more than ${maxBytes} bytes`);
    yield chunk;
  }
}

/** Ends a request after a silence; without a limit never. */
function createSilence(
  idleMs: number | undefined,
  ended: AbortController,
): { readonly heard: () => void; readonly end: () => void } {
  if (idleMs === undefined) return { heard: () => {}, end: () => {} };
  const timer = setTimeout(() => ended.abort(new BrokenExchange(`nothing for ${idleMs / 1000} s`)), idleMs);
  return { heard: () => void timer.refresh(), end: () => clearTimeout(timer) };
}

/** The text of a body; of a longer one, of which no more than `maxBytes` matter, its beginning. */
export async function readText(body: AsyncIterable<Uint8Array>, maxBytes = Infinity): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.length;
    if (bytes >= maxBytes) return text;
  }
  return text + decoder.decode();
}
