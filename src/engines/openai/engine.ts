import * as z from 'zod';
import { ConfigError, EngineError } from '../../core/errors.ts';
import { hashKey } from '../../core/rng.ts';
import { createCompletionStream } from '../embedded/completion-stream.ts';
import type { Completion, Engine, EngineInfo, SamplePrompt, SampleRequest } from '../engine.ts';
import { askChat, type ClientOptions } from './client.ts';
import { createLimiter } from './limiter.ts';

/** A model behind a server that speaks OpenAI's chat completions: it samples and does not learn. */
export const openaiConfig = z.strictObject({
  type: z.literal('openai'),
  /** With its version, e.g. `http://127.0.0.1:8000/v1`. */
  baseUrl: z.url({ protocol: /^https?$/ }),
  /** The environment variable that holds the key; the key itself is written nowhere. */
  apiKeyEnv: z.string().min(1).optional(),
  /** Most requests at once; fewer while the server pushes back. */
  maxConcurrency: z.int().min(1).max(4096).default(64),
  /** Deadline of one request. */
  timeoutSeconds: z.number().positive().default(600),
  /** Tries of one request before the engine gives up. */
  maxAttempts: z.int().min(1).default(10),
  /** What the server calls the length limit. */
  lengthField: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
});

/** What `openai` accepts. */
export type OpenaiOptions = Omit<z.input<typeof openaiConfig>, 'type'>;

/** The engine for vLLM, SGLang, llama.cpp and hosted models; `policy.model` is the name the server knows. */
export function openai(options: OpenaiOptions): z.input<typeof openaiConfig> {
  return { type: 'openai', ...options };
}

/**
 * An engine over a server. Each completion is a request of its own with a seed of (seed, prompt key, rollout index):
 * no answer can be counted twice, and asking again repeats it where the server honours seeds.
 * Token arrays are empty: the server says text.
 *
 * @throws ConfigError without the key that the config names, or for an address with a password in it.
 */
export function openOpenaiEngine(config: z.output<typeof openaiConfig>, model: string): Engine {
  const url = new URL(config.baseUrl);
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(
      'baseUrl: expected no user or password in the address; name a variable in apiKeyEnv',
    );
  const apiKey = config.apiKeyEnv === undefined ? undefined : process.env[config.apiKeyEnv];
  if (config.apiKeyEnv !== undefined && (apiKey === undefined || apiKey === ''))
    throw new ConfigError(`expected the API key in ${config.apiKeyEnv}, got an empty or absent variable`);
  const client: ClientOptions = {
    baseUrl: config.baseUrl.replace(/\/+$/, ''),
    ...(apiKey !== undefined && { apiKey }),
    timeoutMs: config.timeoutSeconds * 1000,
    maxAttempts: config.maxAttempts,
    limiter: createLimiter(config.maxConcurrency),
  };
  const refuse = (what: string) => (): never => {
    throw new EngineError(
      `${what}: expected an engine with the weights, got a model server, which only samples`,
      {
        code: 'SAMPLING_ONLY',
      },
    );
  };
  const refuseLater = (what: string) => async (): Promise<never> => refuse(what)();
  const info: EngineInfo = {
    engine: 'openai',
    model,
    // The server does not show its weights: a name and a place is all that is known.
    modelHash: `${model}@${url.host}`,
    architecture: 'unknown',
    parameters: 0,
    vocabSize: 0,
    endTokens: [],
    maxSequenceTokens: Number.MAX_SAFE_INTEGER,
    device: url.host,
    canTrain: false,
    policyVersion: 0,
  };
  return {
    info,
    encode: refuse('encode'),
    encodeText: refuse('encodeText'),
    decode: refuse('decode'),
    sample: (request, signal) => sample({ ...config, client, model }, request, signal),
    logprobs: refuseLater('logprobs'),
    forwardBackward: refuseLater('forwardBackward'),
    optimStep: refuseLater('optimStep'),
    saveState: refuseLater('saveState'),
    loadState: refuseLater('loadState'),
    exportModel: refuseLater('exportModel'),
    [Symbol.asyncDispose]: async () => {},
  };
}

interface Server {
  readonly client: ClientOptions;
  readonly model: string;
  readonly lengthField: 'max_tokens' | 'max_completion_tokens';
  readonly maxConcurrency: number;
}

async function* sample(
  server: Server,
  request: SampleRequest,
  signal?: AbortSignal,
): AsyncGenerator<Completion> {
  if (signal?.aborted === true) return;
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  signal?.addEventListener('abort', stop, { once: true });
  const stream = createCompletionStream<Completion>();
  const jobs = jobsOf(request);
  const work = async (): Promise<void> => {
    // Who leaves by an error ends the jobs for the others too.
    for (const [prompt, index] of jobs)
      stream.push([await complete(server, request, prompt, index, stopping.signal)]);
  };
  const workers = Array.from({ length: server.maxConcurrency }, work);
  Promise.all(workers).then(stream.end, (error: unknown) => {
    if (stopping.signal.aborted) stream.end();
    else stream.fail(error);
  });
  try {
    yield* stream;
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
    await Promise.allSettled(workers);
  }
}

function* jobsOf({ prompts }: SampleRequest): Generator<readonly [SamplePrompt, number]> {
  for (const prompt of prompts) {
    const first = prompt.firstIndex ?? 0;
    for (let index = first; index < first + prompt.count; index++) yield [prompt, index];
  }
}

async function complete(
  { client, model, lengthField }: Server,
  { maxTokens, temperature = 1, topP = 1, topK = 0, stop = [], seed }: SampleRequest,
  { key, prompt }: SamplePrompt,
  index: number,
  signal: AbortSignal,
): Promise<Completion> {
  if (prompt instanceof Int32Array)
    throw new EngineError('sample: expected messages, got token ids, which chat completions do not take', {
      code: 'BAD_REQUEST',
    });
  const draw = hashKey(seed, key, index);
  const body = {
    model,
    messages: prompt,
    [lengthField]: maxTokens,
    temperature,
    top_p: topP,
    seed: draw & 0x7fffffff,
    ...(topK > 0 && { top_k: topK }),
    ...(stop.length > 0 && { stop }),
  };
  const { choices, usage } = await askChat(client, body, draw, signal);
  const choice = choices[0]!;
  return {
    key,
    index,
    promptTokens: new Int32Array(0),
    tokens: new Int32Array(0),
    ...(usage && { tokenCount: usage.completion_tokens }),
    rolloutLogprobs: new Float32Array(0),
    text: choice.message.content ?? '',
    finishReason: choice.finish_reason === 'length' ? 'length' : 'stop',
    policyVersion: 0,
  };
}
