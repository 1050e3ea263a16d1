import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import * as z from 'zod';
import { ConfigError, EngineError } from '../../core/errors.ts';
import type { Engine, LocalEngine } from '../../engines/engine.ts';
import { sum } from '../../statistics/summary.ts';
import { listen, type ListenAddress, type Listening } from '../listen.ts';
import { type ActiveRequest, answerWhole } from './answer.ts';
import { type AnswerShape, chatShape, textShape } from './answer-shapes.ts';
import { streamAnswer } from './answer-stream.ts';
import { errorBody } from './error-body.ts';
import { type CompletionRequest, resolveChat, resolveText, chatRequest, textRequest } from './request.ts';
import type { ServedStrategy } from './served-strategy.ts';
import { addTokenizerRoutes } from './tokenizer-routes.ts';

/** Address, name and limits of a model service. */
export interface ModelServiceOptions extends ListenAddress {
  /** Name of the model in requests and responses. */
  readonly name: string;
  /** Maximum number of completions in flight or queued; a request that exceeds the limit receives 429. Default 4096. */
  readonly maxWaiting?: number;
  /** Maximum `max_tokens` of a request; if absent, only the model's window limits it. */
  readonly maxTokens?: number;
  /** Writes several answers for each choice and returns one of them. If absent, one answer is written per choice. */
  readonly strategy?: ServedStrategy | undefined;
  /** Response of `/tokenizer_info`: `tokenizer_config.json` with the chat template. If absent, the response is 404. */
  readonly tokenizerInfo?: Readonly<Record<string, unknown>>;
}

const maxBodyBytes = 16 * 2 ** 20;

/**
 * Serves an engine over OpenAI's API: `GET /v1/models`, `POST /v1/chat/completions` and `/v1/completions`; also
 * vLLM's `/tokenize`, `/detokenize` and `/tokenizer_info`, `GET /health` and `GET /metrics`. Concurrent requests
 * share batches. The same seed and prompt give the same completion, regardless of other requests in flight. The service
 * answers all accepted requests before it closes.
 *
 * @throws ConfigError if the host is not loopback and there is no token, or if it cannot listen on the address.
 */
export async function startModelService(engine: Engine, options: ModelServiceOptions): Promise<Listening> {
  const served = requireServed(engine);
  return listen(routes({ engine: served, options, running: 0, waiting: 0, counts: new Map() }), options, {
    maxBodyBytes,
    publicPaths: ['/health'],
    command: 'gradus serve model <model>',
    risk: 'run this model',
    onClose: 'drain',
    errorBody: ({ status, message }) => errorBody(status, message, status === 401 ? 'invalid_api_key' : null),
  });
}

/** Returns an engine that can be served. @throws ConfigError if the engine has no local weights. */
export function requireServed(engine: Engine): LocalEngine {
  const { renderer, weights, sampler } = engine;
  if (renderer !== undefined && weights !== undefined) return engine as LocalEngine;
  throw new ConfigError(`expected an engine with weights to serve, got "${sampler.info.engine}"`, {
    tryNext: 'gradus serve model <model> --engine embedded',
  });
}

interface State {
  readonly engine: LocalEngine;
  readonly options: ModelServiceOptions;
  /** Number of requests in flight. */
  running: number;
  /** Number of completions in flight or queued. */
  waiting: number;
  /** Number of responses by status; does not count requests that were rejected before they reached the service. */
  readonly counts: Map<number, number>;
}

const failure = (
  c: Context,
  status: 400 | 404 | 429 | 500,
  message: string,
  code: string | null = null,
): Response => c.json(errorBody(status, message, code), status);

function routes(state: State): Hono {
  const { engine, options } = state;
  const { name, tokenizerInfo } = options;
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    state.counts.set(c.res.status, (state.counts.get(c.res.status) ?? 0) + 1);
  });
  app.get('/health', (c) => c.json({ status: 'ok', model: name }));
  app.get('/metrics', (c) => c.text(metricsOf(state)));
  app.get('/v1/models', (c) => c.json({ object: 'list', data: [modelOf(state)] }));
  app.get('/v1/models/:id{.+}', (c) =>
    c.req.param('id') === name ? c.json(modelOf(state)) : noSuchModel(c, name, c.req.param('id')),
  );
  app.post('/v1/chat/completions', (c) => answer(state, c, chatRequest, resolveChat, chatShape));
  app.post('/v1/completions', (c) => answer(state, c, textRequest, resolveText, textShape));
  addTokenizerRoutes(app, engine, tokenizerInfo);
  app.notFound((c) =>
    failure(
      c,
      404,
      `${c.req.method} ${c.req.path} not found; expected POST /v1/chat/completions, POST /v1/completions or GET /v1/models`,
    ),
  );
  app.onError((error, c) => failure(c, isBadRequest(error) ? 400 : 500, error.message));
  return app;
}

const isBadRequest = (error: unknown): boolean =>
  error instanceof EngineError && error.code === 'BAD_REQUEST';

const modelOf = ({ engine, options }: State) => ({
  id: options.name,
  object: 'model',
  created: 0,
  owned_by: 'gradus',
  max_model_len: engine.sampler.info.maxSequenceTokens,
});

const noSuchModel = (c: Context, name: string, requested: string): Response =>
  failure(c, 404, `model "${requested}" not found; this server has "${name}"`, 'model_not_found');

async function answer<Body extends { readonly model?: string | undefined }>(
  state: State,
  c: Context,
  schema: z.ZodType<Body>,
  resolve: (body: Body, engine: LocalEngine) => CompletionRequest,
  shape: AnswerShape,
): Promise<Response> {
  const body: unknown = await c.req.json().catch(() => undefined);
  if (body === undefined) return failure(c, 400, 'expected a JSON body');
  const parsed = schema.safeParse(body);
  if (!parsed.success) return failure(c, 400, z.prettifyError(parsed.error));
  const { engine, options } = state;
  const { name, maxTokens = Infinity, maxWaiting = 4096, strategy } = options;
  if (parsed.data.model !== undefined && parsed.data.model !== name)
    return noSuchModel(c, name, parsed.data.model);
  const request = resolve(parsed.data, engine);
  const wanted = sum(request.prompts.map(({ count }) => count)) * (strategy?.budget ?? 1);
  if (request.sampling.maxTokens > maxTokens)
    return failure(c, 400, `max_tokens: expected at most ${maxTokens}, got ${request.sampling.maxTokens}`);
  const { maxSequenceTokens = Infinity } = engine.sampler.info;
  if (request.sampling.maxTokens > maxSequenceTokens) {
    const got = request.sampling.maxTokens;
    return failure(
      c,
      400,
      `max_tokens: expected at most ${maxSequenceTokens}, the model's window for prompt and completion, got ${got}`,
    );
  }
  if (request.sampling.maxTokens === 0 && !request.isEchoed)
    return failure(c, 400, 'max_tokens: 0 is allowed only with "echo"; set a positive number to sample');
  if (wanted > maxWaiting)
    return failure(c, 400, `n × prompts: expected at most ${maxWaiting} completions, got ${wanted}`);
  if (state.waiting + wanted > maxWaiting) {
    c.header('retry-after', '1');
    return failure(c, 429, `the queue is full: ${state.waiting} of at most ${maxWaiting} completions; retry`);
  }
  const leave = enter(state, wanted);
  const head = { id: `${shape.idPrefix}-${randomUUID()}`, created: 0, model: name };
  if (request.isStreamed) {
    const chunk = { ...head, object: shape.chunkObject };
    return inEvents(
      c,
      (signal, stream) => streamAnswer({ engine, request, shape, strategy, signal }, chunk, stream),
      leave,
    );
  }
  try {
    const active: ActiveRequest = { engine, request, shape, strategy, signal: c.req.raw.signal };
    return c.json({ ...head, object: shape.object, ...(await answerWhole(active)) });
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

/** Streams server-sent events, and aborts the work if the client disconnects. An error is sent as the last event. */
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
      const body = errorBody(isBadRequest(error) ? 400 : 500, message);
      await stream.writeSSE({ data: JSON.stringify(body) });
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
