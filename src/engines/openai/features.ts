import * as z from 'zod';
import { type ServerFeature, type ServerFeatures, serverFeatures } from '../engine.ts';
import { type ClientOptions, describe, failure, isUnreachable } from './client.ts';
import { exchange, readText } from './exchange.ts';
import { type Asked, Failure, patienceMs, Prober, Refusal } from './prober.ts';

/** What was found of a server. */
export interface FoundFeatures {
  readonly features: ServerFeatures;
  /** The server's words for what it refused or failed at. */
  readonly reasons: Readonly<Partial<Record<ServerFeature, string>>>;
  /** Tokens come where `return_token_ids` asks for them (vLLM, SGLang, Gradus), not by themselves (llama.cpp). */
  readonly returnsTokenIds: boolean;
  /** Models that the server names; absent where it names none. */
  readonly models?: readonly string[];
  /** Longest sequence of the model, where the server says so. */
  readonly maxSequenceTokens?: number;
  /** How long the first piece of a streamed answer took; absent where none came. */
  readonly firstPieceMs?: number;
}

/** How each feature is tried, in the order of `serverFeatures`: later ones use what earlier ones have found. */
const probes: Readonly<Record<ServerFeature, (prober: Prober) => Promise<boolean>>> = {
  chat: async (prober) => (await prober.ask({}, { as: 'chat' })).length === 1,
  completions: async (prober) => (await prober.ask({}, { as: 'text' })).length === 1,
  tokenPrompts: async (prober) => (await prober.ask({ prompt: [1, 1] }, { as: 'text' })).length === 1,
  logprobs: async (prober) => (await prober.ask(logprobsFor(prober)))[0]!.isScored,
  tokenIds: async (prober) => {
    const [bare] = await prober.ask(logprobsFor(prober));
    if (bare!.written !== undefined) return true;
    const [asked] = await prober.ask({ ...logprobsFor(prober), return_token_ids: true });
    prober.returnsTokenIds = asked!.written !== undefined;
    return prober.returnsTokenIds;
  },
  choices: async (prober) => {
    const choices = await prober.ask({ n: 4 }, { maxTokens: 8, wanted: 4 });
    if (choices.length < 2) return false;
    if (new Set(choices.map(({ text }) => text)).size > 1) return true;
    // Some servers give one choice n times; some models have only one thing to say.
    for (const seed of [2, 3, 4])
      if ((await prober.ask({ seed }, { maxTokens: 8 }))[0]!.text !== choices[0]!.text) return false;
    throw new Failure('the model wrote the same whatever the seed');
  },
  seed: async (prober) => {
    const [first] = await prober.ask({}, { maxTokens: 8 });
    const [again] = await prober.ask({}, { maxTokens: 8 });
    return first!.text === again!.text;
  },
  usage: async (prober) => {
    if (!prober.isAnswered) await prober.ask({});
    return prober.isMetered;
  },
  stream: async (prober) => {
    await prober.ask({ stream: true, stream_options: { include_usage: true } });
    // A server that knows no streams may answer whole.
    return prober.firstPieceMs !== undefined;
  },
};

const logprobsFor = ({ form }: Prober): { readonly logprobs: true | 1 } => ({
  logprobs: form === 'chat' ? true : 1,
});

/**
 * Finds out what a server offers by a small request or a few for each feature asked about. A refusal (HTTP 4xx) is a no;
 * what the server fails at several times for other reasons stays `unknown`, and where nothing is answered at all no more
 * is asked.
 *
 * @throws EngineError when nobody listens at the address.
 */
export async function findFeatures(
  client: ClientOptions,
  asked: Asked,
  wanted: readonly ServerFeature[],
  signal: AbortSignal,
): Promise<FoundFeatures> {
  const listed = await listModels(client, signal, asked.model);
  const prober = new Prober(client, asked, signal);
  const features: Partial<Record<ServerFeature, 'yes' | 'no' | 'unknown'>> = {};
  const reasons: Partial<Record<ServerFeature, string>> = {};
  let silence: string | undefined;
  for (const feature of serverFeatures.filter((one) => wanted.includes(one))) {
    try {
      if (silence !== undefined) throw new Failure(silence);
      features[feature] = (await probes[feature](prober)) ? 'yes' : 'no';
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Failure)) throw error;
      features[feature] = error instanceof Refusal ? 'no' : 'unknown';
      reasons[feature] = error.message;
      if (error instanceof Failure && !prober.isAnswered) silence = error.message;
    }
    if (features.chat !== 'yes' && features.completions === 'yes') prober.form = 'text';
  }
  const { returnsTokenIds, firstPieceMs } = prober;
  return {
    features,
    reasons,
    returnsTokenIds,
    ...listed,
    ...(firstPieceMs !== undefined && { firstPieceMs }),
  };
}

const modelList = z.object({
  data: z.array(z.object({ id: z.string(), max_model_len: z.int().positive().nullish() })),
});

/**
 * What the server says of its models; nothing where it says nothing that can be read.
 * @throws EngineError when nobody listens at the address.
 */
export async function listModels(
  client: ClientOptions,
  signal: AbortSignal,
  model?: string,
): Promise<Pick<FoundFeatures, 'models' | 'maxSequenceTokens'>> {
  const { address, apiKey, timeoutMs } = client;
  const limits = { timeoutMs: Math.min(timeoutMs, patienceMs), maxBytes: 2 ** 24 };
  const request = { url: address.endpoint('/models'), apiKey, ...limits, signal };
  try {
    const { data } = modelList.parse(JSON.parse(await exchange(request, ({ body }) => readText(body))));
    const longest = data.find(({ id }) => id === model)?.max_model_len;
    return { models: data.map(({ id }) => id), ...(longest && { maxSequenceTokens: longest }) };
  } catch (error) {
    if (signal.aborted) throw error;
    if (isUnreachable(error)) throw failure(client, describe(error));
    return {};
  }
}
