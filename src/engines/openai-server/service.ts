import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import * as z from 'zod';
import { ConfigError, EngineError } from '../../core/errors.ts';
import type { Completion, Engine, SampleRequest } from '../engine.ts';
import { chatRequest, chatSampling, textRequest, textSampling } from './request.ts';

/** How a model service listens. */
export interface ModelServiceOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What clients call the model. */
  readonly name: string;
  /** Asked of every request but those for health; needed off loopback. */
  readonly token?: string;
}

/** A service that is listening. Disposing drains it: nothing new is accepted, what was accepted is answered. */
export interface ModelService extends AsyncDisposable {
  readonly url: string;
}

/**
 * An engine behind OpenAI's API: `GET /v1/models`, `POST /v1/chat/completions` and `/v1/completions`; besides,
 * `GET /health` and `GET /metrics`. The same seed and prompt give the same answer, whatever else is asked meanwhile.
 *
 * @throws ConfigError off loopback without a token, and when the address cannot be listened on.
 */
export async function startModelService(engine: Engine, options: ModelServiceOptions): Promise<ModelService> {
  const { host, port, token } = options;
  if (!isLoopback(host) && token === undefined) {
    throw new ConfigError(`listening on ${host} needs a token: whoever reaches it could use this machine`, {
      tryNext: `GRADUS_TOKEN=… gradus serve model <model> --host ${host}`,
    });
  }
  const state: State = {
    engine,
    name: options.name,
    token,
    isDraining: false,
    running: 0,
    counts: new Map(),
  };
  const server = createAdaptorServer({ fetch: routes(state).fetch }) as Server;
  const listening = Promise.withResolvers<void>();
  server.once('error', (cause) =>
    listening.reject(new ConfigError(`cannot listen on ${host} port ${port}: ${cause.message}`, { cause })),
  );
  server.listen(port, host, listening.resolve);
  await listening.promise;
  const { port: found } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${found}`,
    [Symbol.asyncDispose]: async () => {
      state.isDraining = true;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await closed;
    },
  };
}

interface State {
  readonly engine: Engine;
  readonly name: string;
  readonly token: string | undefined;
  isDraining: boolean;
  running: number;
  /** Requests answered, by status. */
  readonly counts: Map<number, number>;
}

/** An error as OpenAI's clients read it. */
const failure = (c: Context, status: 400 | 401 | 404 | 413 | 415 | 500 | 503, message: string): Response =>
  c.json({ error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error' } }, status);

function routes(state: State): Hono {
  const { engine, name, token } = state;
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    state.counts.set(c.res.status, (state.counts.get(c.res.status) ?? 0) + 1);
    if (state.isDraining) c.res.headers.set('connection', 'close');
  });
  app.get('/health', (c) =>
    state.isDraining ? c.json({ status: 'draining' }, 503) : c.json({ status: 'ok', model: name }),
  );
  app.use(async (c, next) => {
    if (!isAllowed(c.req.header('authorization'), token))
      return failure(c, 401, 'expected "authorization: Bearer <token>"');
    if (state.isDraining) return failure(c, 503, 'the service is stopping');
    return next();
  });
  app.get('/metrics', (c) => c.text(metricsOf(state)));
  app.get('/v1/models', (c) => {
    const { maxSequenceTokens } = engine.info;
    const model = {
      id: name,
      object: 'model',
      created: 0,
      owned_by: 'gradus',
      max_model_len: maxSequenceTokens,
    };
    return c.json({ object: 'list', data: [model] });
  });
  app.use(bodyLimit({ maxSize: 16 * 2 ** 20, onError: (c) => failure(c, 413, 'expected at most 16 MiB') }));
  app.post('/v1/chat/completions', (c) =>
    answer(state, c, chatRequest, chatSampling, 'chat.completion', (text) => ({
      message: { role: 'assistant', content: text },
    })),
  );
  app.post('/v1/completions', (c) =>
    answer(state, c, textRequest, textSampling, 'text_completion', (text) => ({ text })),
  );
  app.notFound((c) => failure(c, 404, 'expected /v1/chat/completions, /v1/completions or /v1/models'));
  app.onError((error, c) => {
    const isRefused = error instanceof EngineError && error.code === 'BAD_REQUEST';
    return failure(c, isRefused ? 400 : 500, error.message);
  });
  return app;
}

async function answer<Request extends { readonly model?: string | undefined }>(
  state: State,
  c: Context,
  schema: z.ZodType<Request>,
  samplingOf: (request: Request, engine: Engine) => SampleRequest,
  object: string,
  shape: (text: string) => object,
): Promise<Response> {
  // What a web page may send without asking first has another type: no page can use this service unasked.
  if (c.req.header('content-type')?.startsWith('application/json') !== true)
    return failure(c, 415, 'expected content-type application/json');
  const given: unknown = await c.req.json().catch(() => undefined);
  const parsed = schema.safeParse(given);
  if (!parsed.success) return failure(c, 400, z.prettifyError(parsed.error));
  const { name, engine } = state;
  if (parsed.data.model !== undefined && parsed.data.model !== name)
    return failure(c, 404, `the model here is "${name}", not "${parsed.data.model}"`);
  const request = samplingOf(parsed.data, engine);
  state.running++;
  try {
    const written: Completion[] = [];
    for await (const completion of engine.sample(request, c.req.raw.signal)) written.push(completion);
    const count = request.prompts[0]!.count;
    const placeOf = ({ key, index }: Completion): number => Number(key) * count + index;
    written.sort((a, b) => placeOf(a) - placeOf(b));
    const choices = written.map((completion) => ({
      index: placeOf(completion),
      ...shape(withoutStop(completion.text, request.stop ?? [])),
      finish_reason: completion.finishReason,
      logprobs: null,
    }));
    const usage = usageOf(request, written);
    return c.json({ id: randomUUID(), object, created: 0, model: name, choices, usage });
  } finally {
    state.running--;
  }
}

/** The engine keeps the stop string, OpenAI's API leaves it out. */
function withoutStop(text: string, stops: readonly string[]): string {
  const ending = stops.filter((stop) => text.endsWith(stop)).toSorted((a, b) => b.length - a.length)[0];
  return ending === undefined ? text : text.slice(0, -ending.length);
}

function usageOf({ prompts }: SampleRequest, written: readonly Completion[]): Record<string, number> {
  const read = prompts.reduce((sum, { prompt }) => sum + prompt.length, 0);
  const wrote = written.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return { prompt_tokens: read, completion_tokens: wrote, total_tokens: read + wrote };
}

const metricsOf = ({ running, counts }: State): string =>
  [
    '# TYPE gradus_model_requests_total counter',
    ...Array.from(counts, ([status, n]) => `gradus_model_requests_total{status="${status}"} ${n}`),
    '# TYPE gradus_model_requests_running gauge',
    `gradus_model_requests_running ${running}`,
    '',
  ].join('\n');

function isAllowed(given: string | undefined, token: string | undefined): boolean {
  if (token === undefined) return true;
  // Hashes have one length, so that comparing takes one time.
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given ?? ''), digest(`Bearer ${token}`));
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
