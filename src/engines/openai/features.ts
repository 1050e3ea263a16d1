import * as z from 'zod';
import type { ServerFeature, ServerFeatures } from '../engine.ts';
import type { Choice } from './answer.ts';
import { type Attempt, type ClientOptions, describe, failure, isUnreachable, tryOnce } from './client.ts';
import type { OpenaiConfig } from './config.ts';
import { exchange, readText } from './exchange.ts';

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

/** Tries of one small request: what fails this often is left open. */
const tries = 3;

/** Longest wait for a small request, whatever long ones may take. */
const patienceMs = 30_000;

const one = { maxTokens: 1 } as const;
const streamed = { stream: true, stream_options: { include_usage: true } } as const;
const several = { maxTokens: 8 } as const;

/**
 * Finds out what a server offers by a small request for each feature asked about. A refusal (HTTP 4xx) is a no; what
 * the server fails at several times for other reasons stays `unknown`.
 *
 * @throws EngineError when nobody listens at the address.
 */
export async function findFeatures(
  client: ClientOptions,
  asking: Pick<OpenaiConfig, 'lengthField'> & { readonly model: string },
  wanted: readonly ServerFeature[],
  signal: AbortSignal,
): Promise<FoundFeatures> {
  const prober = new Prober(client, asking, signal);
  const find = async (feature: ServerFeature, probe: () => Promise<boolean>): Promise<void> => {
    if (wanted.includes(feature)) await prober.find(feature, probe);
  };
  const listed = await listModels(client, signal, asking.model);
  await find('chat', async () => (await prober.ask('chat', {}, one)).length === 1);
  await find('completions', async () => (await prober.ask('text', {}, one)).length === 1);
  const form = prober.features.chat !== 'yes' && prober.features.completions === 'yes' ? 'text' : 'chat';
  await find('tokenPrompts', async () => (await prober.ask('text', { prompt: [1, 1] }, one)).length === 1);
  await find('stream', async () => (await prober.ask(form, streamed, one)).length === 1);
  const logprobs = { logprobs: form === 'chat' ? true : 1 };
  await find('logprobs', async () => (await prober.ask(form, logprobs, one))[0]!.isScored);
  let returnsTokenIds = false;
  await find('tokenIds', async () => {
    const [bare] = await prober.ask(form, logprobs, one);
    if (bare!.written !== undefined) return true;
    const [asked] = await prober.ask(form, { ...logprobs, return_token_ids: true }, one);
    returnsTokenIds = asked!.written !== undefined;
    return returnsTokenIds;
  });
  await find('choices', async () => {
    const choices = await prober.ask(form, { n: 4 }, { ...several, wanted: 4 });
    if (choices.length < 2) return false;
    if (new Set(choices.map(({ text }) => text)).size > 1) return true;
    // Some servers give one choice n times; some models have only one thing to say.
    const [first] = choices;
    for (const seed of [2, 3, 4])
      if ((await prober.ask(form, { seed }, several))[0]!.text !== first!.text) return false;
    throw new Failure('the model wrote the same whatever the seed');
  });
  await find('seed', async () => {
    const [first] = await prober.ask(form, {}, several);
    const [again] = await prober.ask(form, {}, several);
    return first!.text === again!.text;
  });
  if (wanted.includes('usage')) prober.features.usage = prober.sawUsage();
  const { features, reasons, firstPieceMs } = prober;
  return {
    features,
    reasons,
    returnsTokenIds,
    ...listed,
    ...(firstPieceMs !== undefined && { firstPieceMs }),
  };
}

/** The server said no. */
class Refusal extends Error {}
/** The server said nothing that can be used. */
class Failure extends Error {}

/** Asks small questions and remembers what came of them. */
class Prober {
  readonly features: Partial<Record<ServerFeature, 'yes' | 'no' | 'unknown'>> = {};
  readonly reasons: Partial<Record<ServerFeature, string>> = {};
  firstPieceMs: number | undefined;
  readonly #client: ClientOptions;
  readonly #asking: Pick<OpenaiConfig, 'lengthField'> & { readonly model: string };
  readonly #signal: AbortSignal;
  readonly #requestsBefore: number;
  #answers = 0;
  /** Why no question so far was answered at all: further ones would only take as long. */
  #silence: string | undefined;

  constructor(
    client: ClientOptions,
    asking: Pick<OpenaiConfig, 'lengthField'> & { readonly model: string },
    signal: AbortSignal,
  ) {
    const onFirstPiece = (ms: number): void => {
      this.firstPieceMs = ms;
    };
    this.#client = { ...client, timeoutMs: Math.min(client.timeoutMs, patienceMs), onFirstPiece };
    this.#asking = asking;
    this.#signal = signal;
    this.#requestsBefore = client.ledger.total().requests;
  }

  /** The choices that come back. Throws a `Refusal` or a `Failure`. */
  async ask(
    form: 'chat' | 'text',
    fields: Readonly<Record<string, unknown>>,
    { maxTokens, wanted = 1 }: { readonly maxTokens: number; readonly wanted?: number },
  ): Promise<readonly Choice[]> {
    const { model, lengthField } = this.#asking;
    const prompt =
      form === 'chat' ? { messages: [{ role: 'user', content: 'Write a random word.' }] } : { prompt: '1' };
    const body = { model, ...prompt, [lengthField]: maxTokens, temperature: 1, seed: 1, ...fields };
    const endpoint = form === 'chat' ? '/chat/completions' : '/completions';
    const question = { endpoint, body, wanted, maxTokens, key: 0 } as const;
    let attempt: Attempt | undefined;
    for (let tried = 0; tried < tries; tried++) {
      attempt = await tryOnce(this.#client, question, this.#signal);
      if ('refused' in attempt) throw new Refusal(attempt.refused);
      if (!('answer' in attempt)) continue;
      this.#answers++;
      return attempt.answer.choices;
    }
    throw new Failure((attempt as { readonly again: string }).again);
  }

  async find(feature: ServerFeature, probe: () => Promise<boolean>): Promise<void> {
    if (this.#silence !== undefined) {
      this.features[feature] = 'unknown';
      this.reasons[feature] = this.#silence;
      return;
    }
    try {
      this.features[feature] = (await probe()) ? 'yes' : 'no';
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Failure)) throw error;
      this.features[feature] = error instanceof Refusal ? 'no' : 'unknown';
      this.reasons[feature] = error.message;
      if (error instanceof Failure && this.#answers === 0) this.#silence = error.message;
    }
  }

  sawUsage(): 'yes' | 'no' | 'unknown' {
    if (this.#answers === 0) return 'unknown';
    return this.#client.ledger.total().requests > this.#requestsBefore ? 'yes' : 'no';
  }
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
