import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import * as z from 'zod';
import { ConfigError, EngineError } from '../../core/errors.ts';
import type { Engine } from '../../engines/engine.ts';
import { type Answering, answerWhole } from './answer.ts';
import { type AnswerShape, chatShape, textShape } from './answer-shapes.ts';
import { streamAnswer } from './answer-stream.ts';
import { type Asked, askedOfChat, askedOfText, chatRequest, textRequest } from './request.ts';
import { addTokenizerRoutes } from './tokenizer-routes.ts';

/** How a model service listens. */
export interface ModelServiceOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What clients call the model. */
  readonly name: string;
  /** Asked of every request but those for health; needed off loopback. */
  readonly token?: string;
  /** Completions accepted and not yet written; a request that would exceed it is told to come back. Default 4096. */
  readonly maxWaiting?: number;
  /** Longest completion anyone may ask for; absent: whatever the model's window leaves. */
  readonly maxTokens?: number;
  /** What is said of the tokenizer to those who ask: `tokenizer_config.json` with the chat template. */
  readonly tokenizerInfo?: Readonly<Record<string, unknown>>;
}

/** A service that is listening. Disposing drains it: nothing new is accepted, what was accepted is answered. */
export interface ModelService extends AsyncDisposable {
  readonly url: string;
}

/**
 * An engine behind OpenAI's API: `GET /v1/models`, `POST /v1/chat/completions` and `/v1/completions`; besides,
 * vLLM's `/tokenize`, `/detokenize` and `/tokenizer_info`, `GET /health` and `GET /metrics`. Requests are written
 * together. The same seed and prompt give the same answer, whatever else is asked meanwhile.
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
  const state: State = { engine, options, isDraining: false, running: 0, waiting: 0, counts: new Map() };
  const server = createAdaptorServer({ fetch: routes(state).fetch }) as Server;
  const listening = Promise.withResolvers<void>();
  server.once('error', (cause) =>
    listening.reject(
      new ConfigError(`cannot listen on ${host} port ${port}: ${cause.message}`, {
        cause,
        tryNext: 'gradus serve model <model> --port 0',
      }),
    ),
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
  readonly options: ModelServiceOptions;
  isDraining: boolean;
  /** Requests being answered. */
  running: number;
  /** Completions being written or waiting for it. */
  waiting: number;
  /** Requests answered, by status. */
  readonly counts: Map<number, number>;
}

type Refusal = 400 | 401 | 404 | 413 | 415 | 429 | 500 | 503;

/** An error as OpenAI's clients read it. */
const failure = (c: Context, status: Refusal, message: string, code: string | null = null): Response =>
  c.json({ error: { ...kindOf(status), message, param: null, code } }, status);

const kindOf = (status: Refusal): { readonly type: string } => {
  if (status === 401) return { type: 'authentication_error' };
  if (status === 429) return { type: 'rate_limit_error' };
  return { type: status < 500 ? 'invalid_request_error' : 'server_error' };
};

function routes(state: State): Hono {
  const { engine, options } = state;
  const { name, token, tokenizerInfo } = options;
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
      return failure(c, 401, 'expected "authorization: Bearer <token>"', 'invalid_api_key');
    if (state.isDraining) return failure(c, 503, 'the service is stopping');
    return next();
  });
  app.get('/metrics', (c) => c.text(metricsOf(state)));
  app.get('/v1/models', (c) => c.json({ object: 'list', data: [modelOf(state)] }));
  app.get('/v1/models/:id{.+}', (c) =>
    c.req.param('id') === name ? c.json(modelOf(state)) : noSuchModel(c, name, c.req.param('id')),
  );
  app.use(bodyLimit({ maxSize: 16 * 2 ** 20, onError: (c) => failure(c, 413, 'expected at most 16 MiB') }));
  app.post('/v1/chat/completions', (c) => answer(state, c, chatRequest, askedOfChat, chatShape));
  app.post('/v1/completions', (c) => answer(state, c, textRequest, askedOfText, textShape));
  addTokenizerRoutes(app, engine, tokenizerInfo);
  app.notFound((c) => failure(c, 404, 'expected /v1/chat/completions, /v1/completions or /v1/models'));
  app.onError((error, c) => failure(c, isRefused(error) ? 400 : 500, error.message));
  return app;
}

const isRefused = (error: unknown): boolean => error instanceof EngineError && error.code === 'BAD_REQUEST';

const modelOf = ({ engine, options }: State) => ({
  id: options.name,
  object: 'model',
  created: 0,
  owned_by: 'gradus',
  max_model_len: engine.info.maxSequenceTokens,
});

const noSuchModel = (c: Context, name: string, asked: string): Response =>
  failure(c, 404, `the model here is "${name}", not "${asked}"`, 'model_not_found');

async function answer<Request extends { readonly model?: string | undefined }>(
  state: State,
  c: Context,
  schema: z.ZodType<Request>,
  askedOf: (request: Request, engine: Engine) => Asked,
  shape: AnswerShape,
): Promise<Response> {
  // What a web page may send without asking first has another type: no page can use this service unasked.
  if (c.req.header('content-type')?.startsWith('application/json') !== true)
    return failure(c, 415, 'expected content-type application/json');
  const given: unknown = await c.req.json().catch(() => undefined);
  const parsed = schema.safeParse(given);
  if (!parsed.success) return failure(c, 400, z.prettifyError(parsed.error));
  const { engine, options } = state;
  const { name, maxTokens = Infinity, maxWaiting = 4096 } = options;
  if (parsed.data.model !== undefined && parsed.data.model !== name)
    return noSuchModel(c, name, parsed.data.model);
  const asked = askedOf(parsed.data, engine);
  const wanted = asked.prompts.reduce((sum, { count }) => sum + count, 0);
  if (asked.sampling.maxTokens > maxTokens)
    return failure(
      c,
      400,
      `expected at most ${maxTokens} tokens a completion, got ${asked.sampling.maxTokens}`,
    );
  if (asked.sampling.maxTokens === 0 && !asked.isEchoed)
    return failure(c, 400, 'max_tokens: 0 writes nothing; expected it together with "echo"');
  if (wanted > maxWaiting)
    return failure(c, 400, `expected at most ${maxWaiting} completions a request, got ${wanted}`);
  if (state.waiting + wanted > maxWaiting) {
    c.header('retry-after', '1');
    return failure(c, 429, `${state.waiting} completions are waiting, at most ${maxWaiting} may; come back`);
  }
  const leave = enter(state, wanted);
  const head = { id: `${shape.idPrefix}-${randomUUID()}`, created: 0, model: name };
  if (asked.isStreamed) {
    const chunk = { ...head, object: shape.chunkObject };
    return inEvents(
      c,
      (signal, stream) => streamAnswer({ engine, asked, shape, signal }, chunk, stream),
      leave,
    );
  }
  try {
    const answering: Answering = { engine, asked, shape, signal: c.req.raw.signal };
    return c.json({ ...head, object: shape.object, ...(await answerWhole(answering)) });
  } finally {
    leave();
  }
}

function enter(state: State, wanted: number): () => void {
  state.running++;
  state.waiting += wanted;
  return () => {
    state.running--;
    state.waiting -= wanted;
  };
}

/** A stream of events; whoever stops reading it ends the work. An error in the middle is the last event. */
function inEvents(
  c: Context,
  send: (signal: AbortSignal, stream: Parameters<Parameters<typeof streamSSE>[1]>[0]) => Promise<void>,
  leave: () => void,
): Response {
  const gone = new AbortController();
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => gone.abort());
    try {
      await send(gone.signal, stream);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const type = isRefused(error) ? 'invalid_request_error' : 'server_error';
      await stream.writeSSE({ data: JSON.stringify({ error: { type, message, param: null, code: null } }) });
    } finally {
      leave();
    }
  });
}

const metricsOf = ({ running, waiting, counts }: State): string =>
  [
    '# TYPE gradus_model_requests_total counter',
    ...Array.from(counts, ([status, n]) => `gradus_model_requests_total{status="${status}"} ${n}`),
    '# TYPE gradus_model_requests_running gauge',
    `gradus_model_requests_running ${running}`,
    '# TYPE gradus_model_completions_waiting gauge',
    `gradus_model_completions_waiting ${waiting}`,
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
