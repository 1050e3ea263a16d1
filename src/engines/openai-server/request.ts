import * as z from 'zod';
import type { Message } from '../../core/problem.ts';
import type { Engine, SampleRequest } from '../engine.ts';

/** What both kinds of completion have in common; other fields of the API that change no answer are let pass. */
const shared = {
  model: z.string().optional(),
  n: z.int().min(1).max(1024).nullish(),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(100).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  /** As in vLLM: 0 and -1 are all tokens. */
  top_k: z.int().min(-1).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]).nullish(),
  stream: z.literal(false, { error: 'streaming is not offered here; leave "stream" out' }).nullish(),
};
/** Refused rather than left unanswered: who asks for them needs them. */
const notOffered = z
  .union([z.literal(false), z.literal(0)], { error: 'not offered here; leave it out' })
  .nullish();

/** Content as text, or as parts that are all text. */
const content = z
  .union([z.string(), z.array(z.object({ type: z.literal('text'), text: z.string() }))])
  .transform((given) => (typeof given === 'string' ? given : given.map(({ text }) => text).join('')));

/** `POST /v1/chat/completions`. */
export const chatRequest = z.object({
  ...shared,
  max_completion_tokens: z.int().min(1).nullish(),
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content })).min(1),
  logprobs: notOffered,
});

const tokenIds = z.array(z.int().min(0)).min(1);

/** `POST /v1/completions`: texts or token ids, one or several. */
export const textRequest = z.object({
  ...shared,
  prompt: z.union([z.string(), tokenIds, z.array(z.string()).min(1), z.array(tokenIds).min(1)]),
  logprobs: notOffered,
  echo: notOffered,
});

type ChatRequest = z.output<typeof chatRequest>;
type TextRequest = z.output<typeof textRequest>;

/** A request as the engine takes it; prompt i is called by its place. */
export function chatSampling(request: ChatRequest, engine: Engine): SampleRequest {
  const prompt: readonly Message[] = request.messages;
  const tokens = engine.encode(prompt);
  const room = Math.max(1, engine.info.maxSequenceTokens - tokens.length);
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? room;
  return samplingOf(request, [tokens], maxTokens);
}

/** The same for plain prompts; 16 tokens where nothing is said, as OpenAI has it. */
export function textSampling(request: TextRequest, engine: Engine): SampleRequest {
  const { prompt } = request;
  const isOne = typeof prompt === 'string' || typeof prompt[0] === 'number';
  const prompts = (isOne ? [prompt] : prompt) as (string | number[])[];
  const tokens = prompts.map((one) =>
    typeof one === 'string' ? engine.encodeText(one) : Int32Array.from(one),
  );
  return samplingOf(request, tokens, request.max_tokens ?? 16);
}

function samplingOf(
  { n, temperature, top_p, top_k, seed, stop }: ChatRequest | TextRequest,
  prompts: readonly Int32Array[],
  maxTokens: number,
): SampleRequest {
  return {
    prompts: prompts.map((prompt, i) => ({ key: String(i), prompt, count: n ?? 1 })),
    maxTokens,
    temperature: temperature ?? 1,
    topP: top_p ?? 1,
    topK: Math.max(0, top_k ?? 0),
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    // Without a seed every request draws its own numbers.
    seed: seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
  };
}
