import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { ConfigError } from '../core/errors.ts';
import {
  type AdmissionRules,
  hasBody,
  readBody,
  type Rejection,
  rejectionOf,
  tokenCookie,
} from './admission.ts';
import { isLoopback } from './loopback.ts';

/** The address on which a service listens, and the token that its clients share. */
export interface ListenAddress {
  /** Host name or address on which to listen; unless it is loopback, a token is required. */
  readonly host: string;
  /** Port; 0 chooses any free port. */
  readonly port: number;
  /** Token that clients must send as `authorization: Bearer <token>`. */
  readonly token?: string | undefined;
  /** Time limits in milliseconds for a client to send its headers and its entire request. Default 15 s and 120 s. */
  readonly timeouts?: { readonly headersMs: number; readonly requestMs: number };
}

/** The requests that a service admits, and how it rejects others. */
export interface Door extends Omit<AdmissionRules, 'host' | 'token'> {
  /** Command that starts the service, for error messages, such as `gradus dashboard`. */
  readonly command: string;
  /** Risk of serving without a token, for error messages, such as `read every rollout`. */
  readonly risk: string;
  /** `drain`: closing waits for accepted requests; `cut`: closing ends them. */
  readonly onClose: 'drain' | 'cut';
  /** Headers added to every response. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The JSON body of a rejection; default `{ error: message }`. */
  readonly errorBody?: (rejection: Rejection) => object;
}

/** A service that is listening. Disposing closes it; it then accepts no new requests. */
export interface Listening extends AsyncDisposable {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
}

/** A Hono app, or any other request handler. */
interface App {
  fetch(request: Request, env: HttpBindings): Response | Promise<Response>;
}

const defaultTimeouts = { headersMs: 15_000, requestMs: 120_000 };

/** Headers of every response. They prevent embedding by other sites, content sniffing by browsers, and caching. */
const safeHeaders = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * Listens for HTTP requests. Every service of the package listens through this function: it checks `Host` and
 * `Origin`, the token, the content type and the size of the body (`admission.ts`) before `app` sees a request,
 * answers 408 to connections that send too slowly, and 503 while it closes.
 *
 * @throws ConfigError if the host is not loopback and there is no token, or if it cannot listen on the address.
 */
export async function listen(app: App, address: ListenAddress, door: Door): Promise<Listening> {
  const { host, timeouts = defaultTimeouts } = address;
  const token = address.token === '' ? undefined : address.token;
  if (!isLoopback(host) && token === undefined) {
    throw new ConfigError(
      `listening on ${host} needs a token: without one, anyone who reaches this port could ${door.risk}`,
      { tryNext: `GRADUS_TOKEN=… ${door.command} --host ${host}` },
    );
  }
  const guarded = guard(app, door, { ...door, host, token });
  const server = createAdaptorServer({
    fetch: (request, env) => guarded.fetch(request, env as HttpBindings),
    serverOptions: {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      connectionsCheckingInterval: Math.min(1000, timeouts.headersMs),
    },
  }) as Server;
  const port = await bind(server, address, door.command);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      guarded.close();
      const closed = new Promise((resolve) => server.close(resolve));
      if (door.onClose === 'drain') await guarded.drained();
      // Close all connections: otherwise, closing would wait for clients with idle connections.
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Guard {
  fetch(request: Request, env: HttpBindings): Promise<Response>;
  /** Rejects every request from now on. */
  close(): void;
  /** Resolves once every accepted request has been answered. */
  drained(): Promise<void>;
}

function guard(app: App, { headers, errorBody = plainError }: Door, rules: AdmissionRules): Guard {
  const accepted = new Set<Promise<void>>();
  let isClosing = false;
  const reject = (rejection: Rejection): Response =>
    Response.json(errorBody(rejection), { status: rejection.status });
  const answer = async (request: Request, env: HttpBindings): Promise<Response> => {
    const admitted = await admit(request, env, rules).catch((error: Error): Rejection => ({
      status: 400,
      message: `cannot read the request: ${error.message}`,
    }));
    if (!(admitted instanceof Request)) return reject(admitted);
    if (isClosing) return reject({ status: 503, message: 'the service is stopping' });
    const ended = finished(env.outgoing)
      // Ignore clients that disconnected.
      .catch(() => undefined)
      .finally(() => accepted.delete(ended));
    accepted.add(ended);
    const response = await app.fetch(admitted, env);
    const cookie = tokenCookie(request, rules);
    if (cookie !== undefined) response.headers.append('set-cookie', cookie);
    return response;
  };
  return {
    fetch: async (request, env) => {
      const response = await answer(request, env);
      for (const [name, value] of Object.entries({ ...safeHeaders, ...headers }))
        response.headers.set(name, value);
      if (isClosing) response.headers.set('connection', 'close');
      return response;
    },
    close: () => {
      isClosing = true;
    },
    drained: async () => {
      while (accepted.size > 0) await Promise.all(accepted);
    },
  };
}

const plainError = ({ message }: Rejection): object => ({ error: message });

/** Returns the request with its body in memory, or the rejection. */
async function admit(
  request: Request,
  { incoming }: HttpBindings,
  rules: AdmissionRules,
): Promise<Request | Rejection> {
  const rejection = rejectionOf(request, rules);
  if (rejection !== undefined || !hasBody(request)) return rejection ?? request;
  const { maxBodyBytes } = rules;
  const body = await readBody(incoming, maxBodyBytes);
  if (body === undefined) return { status: 413, message: `expected a body of at most ${maxBodyBytes} bytes` };
  const { url, method, headers, signal } = request;
  return new Request(url, { method, headers, signal, body });
}

/** Binds the server to its address and returns the port. */
async function bind(server: Server, { host, port }: ListenAddress, command: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const isPort = cause.code === 'EADDRINUSE' || cause.code === 'EACCES';
    const tryNext = `${command} ${isPort ? '--port 0' : '--host 127.0.0.1'}`;
    reject(new ConfigError(`cannot listen on ${host} port ${port}: ${cause.message}`, { cause, tryNext }));
  });
  server.listen(port, host, resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}
