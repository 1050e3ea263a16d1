import * as http from 'node:http';
import * as https from 'node:https';

/** One HTTP request and its limits. */
export interface Exchange {
  readonly url: URL;
  /** Without a body, the method is GET. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly apiKey?: string | undefined;
  readonly timeoutMs: number;
  /** Maximum pause within the response, including the time before its first byte. */
  readonly idleMs?: number;
  /** Maximum size of the response in bytes. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** A response whose body can be read once. */
export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Throws if a pause is too long or the body is too large. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A response that stalled or was too large. */
export class BrokenExchange extends Error {
  override readonly name = 'BrokenExchange';
}

/**
 * Sends a request and passes the response to `read`. Redirects are not followed, so the API key is sent to no other
 * server. Always releases the connection.
 *
 * @throws BrokenExchange, a `TimeoutError` after the deadline, a system error, or an error of `read`.
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
 * Sends a request without `fetch`, which fails after five minutes without response headers, whatever the deadline.
 * Without streaming, servers send the headers after the last token.
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
    // This handler also prevents later errors, which the body reports, from being uncaught.
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

/** Creates a timer that aborts a request after `idleMs` without data, or never if there is no limit. */
function createSilence(
  idleMs: number | undefined,
  ended: AbortController,
): { readonly heard: () => void; readonly end: () => void } {
  if (idleMs === undefined) return { heard: () => {}, end: () => {} };
  const timer = setTimeout(
    () => ended.abort(new BrokenExchange(`a stall: no data for ${idleMs / 1000} s`)),
    idleMs,
  );
  return { heard: () => void timer.refresh(), end: () => clearTimeout(timer) };
}

/** Reads a body as text; stops after `maxBytes` bytes. */
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
