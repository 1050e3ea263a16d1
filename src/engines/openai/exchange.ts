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
  readonly headers: Headers;
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
 * @throws BrokenExchange, a `TimeoutError` after the deadline, or what `fetch` and `read` throw.
 */
export async function exchange<Result>(
  { url, body, apiKey, timeoutMs, idleMs, maxBytes, signal }: Exchange,
  read: (reply: Reply) => Promise<Result>,
): Promise<Result> {
  const ended = new AbortController();
  const silence = createSilence(idleMs, ended);
  try {
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, ended.signal, AbortSignal.timeout(timeoutMs)]),
    });
    silence.heard();
    const guarded = guard(response.body ?? [], maxBytes, silence.heard);
    return await read({ status: response.status, headers: response.headers, body: guarded });
  } finally {
    silence.end();
    ended.abort();
  }
}

async function* guard(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
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
