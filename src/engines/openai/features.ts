import * as z from 'zod';
import { type ClientOptions, describe, failure, isUnreachable } from './client.ts';
import { exchange, readText } from './exchange.ts';
import type { OptionalField } from './optional-fields.ts';
import { type Asked, Failure, patienceMs, Prober, Refusal } from './prober.ts';
import { stopFields, streamFields } from './write-request.ts';

/** Features that a model server may have, in the order in which they are probed. */
export const serverFeatures = [
  'chat',
  'completions',
  'tokenPrompts',
  'logprobs',
  'tokenIds',
  'choices',
  'seed',
  'stream',
  'usage',
  'stop',
] as const;

/** One of {@link serverFeatures}. */
export type ServerFeature = (typeof serverFeatures)[number];

/**
 * Probed features; `no` if the server rejected the probe, `unknown` if the probe failed for a different reason, absent
 * if it was not needed.
 */
export type ServerFeatures = Readonly<Partial<Record<ServerFeature, 'yes' | 'no' | 'unknown'>>>;

/** Result of probing a server. */
export interface FoundFeatures {
  readonly features: ServerFeatures;
  /** The server's message for each feature that it rejected or failed. */
  readonly reasons: Readonly<Partial<Record<ServerFeature, string>>>;
  /**
   * Whether the server returns token ids only on request by `return_token_ids` (vLLM, SGLang, Gradus), rather
   * than always (llama.cpp).
   */
  readonly returnsTokenIds: boolean;
  /** Whether usage counts only one of several choices (llama.cpp, unless streamed). */
  readonly countsOneChoice: boolean;
  /** Fields that the config omits or the server rejects. */
  readonly omitted: ReadonlySet<OptionalField>;
  /** Models that the server lists; absent if it lists none. */
  readonly models?: readonly string[];
  /** Longest sequence of the model in tokens, if the server reports it. */
  readonly maxSequenceTokens?: number;
  /** Time to the first piece of a streamed answer; absent if none arrived. */
  readonly firstPieceMs?: number;
}

/** The probe of each feature; later probes use the results of earlier ones. */
const probes: Readonly<Record<ServerFeature, (prober: Prober) => Promise<boolean>>> = {
  chat: async (prober) => (await prober.ask({}, { as: 'chat' })).choices.length === 1,
  completions: async (prober) => (await prober.ask({}, { as: 'text' })).choices.length === 1,
  tokenPrompts: async (prober) => (await prober.ask({ prompt: [1, 1] }, { as: 'text' })).choices.length === 1,
  logprobs: async (prober) => (await prober.ask(logprobsFor(prober))).choices[0]!.isScored,
  tokenIds: async (prober) => {
    const bare = await prober.ask(logprobsFor(prober));
    if (bare.choices[0]!.written !== undefined) return true;
    const { choices } = await prober.ask({ ...logprobsFor(prober), return_token_ids: true });
    prober.returnsTokenIds = choices[0]!.written !== undefined;
    return prober.returnsTokenIds;
  },
  choices: async (prober) => {
    prober.hasChoices = await hasChoices(prober);
    return prober.hasChoices;
  },
  seed: async (prober) => {
    const first = await prober.ask({}, { maxTokens: 8 });
    const again = await prober.ask({}, { maxTokens: 8 });
    return !prober.omitted.has('seed') && first.choices[0]!.text === again.choices[0]!.text;
  },
  stream: async (prober) => {
    await prober.ask(streamFields);
    // A server without streaming may send the complete answer at once.
    return prober.firstPieceMs !== undefined;
  },
  usage: async (prober) => {
    if (!prober.isAnswered) await prober.ask({});
    if (prober.isMetered && prober.hasChoices) prober.countsOneChoice = await countsOneChoice(prober);
    return prober.isMetered;
  },
  stop: async (prober) => {
    // Nearly every English text contains one of these.
    const stop = ['e', 'a', 'o', ' '];
    for (const seed of [1, 2, 3]) {
      const { choices } = await prober.ask({ seed, ...stopFields(stop) }, { maxTokens: 8 });
      const { text, stoppedBy = '' } = choices[0]!;
      if (stop.includes(stoppedBy) || stop.includes(text.at(-1) ?? '')) return true;
    }
    return false;
  },
};

const logprobsFor = ({ form }: Prober): { readonly logprobs: true | 1 } => ({
  logprobs: form === 'chat' ? true : 1,
});

async function hasChoices(prober: Prober): Promise<boolean> {
  const { choices } = await prober.ask({ n: 4 }, { maxTokens: 8, wanted: 4 });
  if (choices.length < 2) return false;
  if (new Set(choices.map(({ text }) => text)).size > 1) return true;
  // Some servers return one choice n times; some models have only one answer.
  for (const seed of [2, 3, 4])
    if ((await prober.ask({ seed }, { maxTokens: 8 })).choices[0]!.text !== choices[0]!.text) return false;
  throw new Failure('the model wrote the same text with every seed');
}

/** Requests four choices with one token each: complete usage is four completion tokens. */
async function countsOneChoice(prober: Prober): Promise<boolean> {
  const stream = prober.streams ? streamFields : {};
  try {
    const { choices, usage } = await prober.ask({ n: 4, ...stream }, { wanted: 4 });
    const writers = choices.filter(({ text, isTruncated }) => isTruncated || text !== '');
    return usage !== undefined && usage.completionTokens < writers.length;
  } catch (error) {
    if (isProbeError(error)) return false;
    throw error;
  }
}

const isProbeError = (error: unknown): error is Refusal | Failure =>
  error instanceof Refusal || error instanceof Failure;

/**
 * Probes the requested features of a server, with one or a few small requests each. A rejection (HTTP 4xx) means no; a
 * feature that fails several times for other reasons stays `unknown`. Stops probing a server that never answers.
 *
 * @throws EngineError if no server listens at the address.
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
      if (!isProbeError(error)) throw error;
      features[feature] = error instanceof Refusal ? 'no' : 'unknown';
      reasons[feature] = error.message;
      if (error instanceof Failure && !prober.isAnswered) silence = error.message;
    }
    if (features.chat !== 'yes' && features.completions === 'yes') prober.form = 'text';
  }
  const { returnsTokenIds, countsOneChoice: counts, omitted, firstPieceMs } = prober;
  return {
    features,
    reasons,
    returnsTokenIds,
    countsOneChoice: counts,
    omitted,
    ...listed,
    ...(firstPieceMs !== undefined && { firstPieceMs }),
  };
}

/** How a server treats stop strings. */
export interface StopSupport {
  /** Whether the server keeps stop strings in the text, or names the stop string that ended a choice. */
  readonly isKept: boolean;
  readonly omitted: ReadonlySet<OptionalField>;
}

/**
 * Probes stop strings separately, because few recipes have any. A server that fails the probe counts as one that drops
 * them.
 */
export async function findStopSupport(
  client: ClientOptions,
  asked: Asked,
  form: 'chat' | 'text',
  signal: AbortSignal,
): Promise<StopSupport> {
  const prober = new Prober(client, asked, signal, form);
  try {
    const isKept = await probes.stop(prober);
    return { isKept, omitted: prober.omitted };
  } catch (error) {
    if (!isProbeError(error)) throw error;
    return { isKept: false, omitted: prober.omitted };
  }
}

const modelList = z.object({
  data: z.array(z.object({ id: z.string(), max_model_len: z.int().positive().nullish() })),
});

/**
 * Returns the server's list of models; undefined if it is missing or invalid.
 * @throws EngineError if no server listens at the address.
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
