import { timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import { ConfigError, GradusError } from '../../core/errors.ts';
import type { Verdict } from '../../core/verdict.ts';
import { gradeInOrder, type Grader } from './grader.ts';
import { createServiceMetrics, type ServiceMetrics } from './service-metrics.ts';

/** How a service listens. */
export interface ServiceOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Asked of every request but those for health; needed off loopback. */
  readonly token?: string;
  /** Items of one request judged at once. */
  readonly width: number;
  /** Items accepted and not yet answered; a request that would exceed it is answered 503. */
  readonly maxItems: number;
  /** Largest request in bytes. */
  readonly maxBytes: number;
}

/** A service that is listening. Disposing drains it: nothing new is accepted, what was accepted is answered. */
export interface VerifierService extends AsyncDisposable {
  readonly url: string;
}

/**
 * Verdicts over HTTP: `POST /verify` one item → its verdict; `POST /verify/batch` `{items}` → `{verdicts}` in
 * order; `GET /health`; `GET /metrics` for Prometheus. Items are those of `openGrader`.
 *
 * @throws ConfigError off loopback without a token, and when the address cannot be listened on.
 */
export async function startVerifierService(
  grader: Grader,
  options: ServiceOptions,
): Promise<VerifierService> {
  if (!isLoopback(options.host) && options.token === undefined) {
    throw new ConfigError(
      `listening on ${options.host} needs a token: whoever reaches it could run programs here`,
      {
        tryNext: `GRADUS_TOKEN=… gradus serve verifier --host ${options.host}`,
      },
    );
  }
  const metrics = createServiceMetrics();
  const state: State = { grader, options, metrics, isDraining: false };
  const running = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answering = handle(state, request, response).finally(() => running.delete(answering));
    running.add(answering);
  });
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      state.isDraining = true;
      const closed = new Promise((resolve) => server.close(resolve));
      while (running.size > 0) await Promise.all(running);
      // Connections on which nothing was ever asked would be waited for in vain.
      server.closeAllConnections();
      await closed;
    },
  };
}

interface State {
  readonly grader: Grader;
  readonly options: ServiceOptions;
  readonly metrics: ServiceMetrics;
  isDraining: boolean;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const failure = (status: number, error: string): Answer => ({ status, body: { error } });

async function handle(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await answerTo(state, request).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(GradusError.isInstance(error) ? 503 : 500, reason);
  });
  const isText = typeof answer.body === 'string';
  response.writeHead(answer.status, {
    'content-type': isText ? 'text/plain; version=0.0.4' : 'application/json',
    ...(answer.status === 503 && { 'retry-after': '1' }),
    ...(state.isDraining && { connection: 'close' }),
  });
  response.end(isText ? answer.body : JSON.stringify(answer.body));
  // A client that went away is no trouble of ours.
  await finished(response).catch(() => undefined);
}

async function answerTo(state: State, request: IncomingMessage): Promise<Answer> {
  const route = `${request.method} ${request.url?.split('?', 1)[0]}`;
  const { grader, metrics, isDraining } = state;
  if (route === 'GET /health') {
    const body = { status: isDraining ? 'draining' : 'ok', verifiers: grader.verifiers };
    return { status: isDraining ? 503 : 200, body };
  }
  if (!isAllowed(request, state.options.token))
    return failure(401, 'expected "authorization: Bearer <token>"');
  switch (route) {
    case 'GET /metrics':
      return { status: 200, body: metrics.text() };
    case 'POST /verify':
      return verify(
        state,
        request,
        (given) => [given],
        ([verdict]) => verdict,
      );
    case 'POST /verify/batch':
      return verify(state, request, itemsOf, (verdicts) => ({ verdicts }));
    default:
      return failure(404, 'expected POST /verify, POST /verify/batch, GET /health or GET /metrics');
  }
}

const itemsOf = (given: unknown): readonly unknown[] | undefined => {
  const items = (given as { items?: unknown } | null)?.items;
  return Array.isArray(items) ? items : undefined;
};

async function verify(
  { grader, options, metrics, isDraining }: State,
  request: IncomingMessage,
  read: (given: unknown) => readonly unknown[] | undefined,
  shape: (verdicts: readonly Verdict[]) => unknown,
): Promise<Answer> {
  if (isDraining) return failure(503, 'the service is stopping');
  // What a web page may send without asking first has another type: no page can use this service unasked.
  if (!request.headers['content-type']?.startsWith('application/json'))
    return failure(415, 'expected content-type application/json');
  const given = await readJson(request, options.maxBytes);
  if ('answer' in given) return given.answer;
  const items = read(given.value);
  if (items === undefined) return failure(400, 'expected {"items": [...]}');
  if (metrics.waiting() + items.length > options.maxItems)
    return failure(503, `${metrics.waiting()} items are waiting; at most ${options.maxItems} may`);
  const finish = metrics.begin(items.length);
  const verdicts: Verdict[] = [];
  try {
    const placed = items.map((item, i) => [item, `item ${i + 1}`] as const);
    for await (const verdict of gradeInOrder(grader, placed, options.width)) verdicts.push(verdict);
  } finally {
    finish(verdicts);
  }
  return { status: 200, body: shape(verdicts) };
}

async function readJson(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ readonly value: unknown } | { readonly answer: Answer }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // What is too long is read to its end all the same: a client that is still sending reads no answer.
    if (size <= maxBytes) chunks.push(chunk);
  }
  if (size > maxBytes) return { answer: failure(413, `expected at most ${maxBytes} bytes, got ${size}`) };
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch (error) {
    return { answer: failure(400, `expected JSON: ${String(error)}`) };
  }
}

function isAllowed({ headers }: IncomingMessage, token: string | undefined): boolean {
  if (token === undefined) return true;
  // Hashes have one length, so that comparing takes one time.
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(headers.authorization ?? ''), digest(`Bearer ${token}`));
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

async function listen(server: Server, { host, port }: ServiceOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause: NodeJS.ErrnoException) =>
    reject(
      new ConfigError(`cannot listen on ${host} port ${port}: ${cause.message}`, {
        cause,
        tryNext: 'gradus serve verifier --port 0',
      }),
    ),
  );
  server.listen(port, host, resolve);
  await promise;
}
