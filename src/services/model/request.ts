import * as z from 'zod';
import type { Message } from '../../core/problem.ts';
import type { SamplePrompt, SampleRequest } from '../../engines/engine.ts';
import type { LocalEngine } from '../../engines/engine.ts';

/**
 * Unsupported fields that would change the completion are rejected, not ignored, because a client that sets them
 * expects a different completion. Unknown fields are ignored, since OpenAI's clients send many.
 */
const notSupported = { error: 'not supported; omit it' };
const unset = (...values: readonly (0 | 1 | false)[]) => z.literal(values, notSupported).nullish();
const empty = z.record(z.string(), z.never(notSupported)).nullish();

/** Maximum number of alternatives reported per token. */
const maxAlternatives = 20;

/** Fields of both kinds of request. */
const shared = {
  model: z.string().optional(),
  n: z.int().min(1).max(1024).nullish(),
  temperature: z.number().min(0).max(100).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  /** As in vLLM: 0 and -1 mean all tokens. */
  top_k: z.int().min(-1).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  /** As in vLLM: also return the token ids of prompt and completion. */
  return_token_ids: z.boolean().nullish(),
  presence_penalty: unset(0),
  frequency_penalty: unset(0),
  logit_bias: empty,
  response_format: z.object({ type: z.literal('text', { error: 'only "text" is supported' }) }).nullish(),
};

/** Content as a string, or as a list of text parts. */
const content = z
  .union([z.string(), z.array(z.object({ type: z.literal('text'), text: z.string() }))])
  .transform((given) => (typeof given === 'string' ? given : given.map(({ text }) => text).join('')));

/** `developer` is OpenAI's name for `system` since 2024. */
const role = z
  .enum(['system', 'developer', 'user', 'assistant'])
  .transform((given) => (given === 'developer' ? 'system' : given));

/** `POST /v1/chat/completions`. */
export const chatRequest = z.object({
  ...shared,
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  messages: z.array(z.object({ role, content })).min(1),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(maxAlternatives).nullish(),
  tools: z.array(z.never(notSupported)).nullish(),
});

const tokenIds = z.array(z.int().min(0)).min(1);

/** `POST /v1/completions`: one or several prompts, as strings or token ids. */
export const textRequest = z.object({
  ...shared,
  /** 0 with `echo`: score the prompt without sampling. */
  max_tokens: z.int().min(0).nullish(),
  prompt: z.union([z.string(), tokenIds, z.array(z.string()).min(1), z.array(tokenIds).min(1)]),
  logprobs: z.int().min(0).max(maxAlternatives).nullish(),
  echo: z.boolean().nullish(),
  best_of: unset(1),
});

type ChatRequest = z.output<typeof chatRequest>;
type TextRequest = z.output<typeof textRequest>;

/** A request of either kind, resolved for the engine. */
export interface CompletionRequest {
  /** Prompts as tokens; the key of prompt i is `String(i)`. */
  readonly prompts: readonly (SamplePrompt & { readonly prompt: Int32Array })[];
  readonly sampling: Omit<SampleRequest, 'prompts'> & { readonly stop: readonly string[] };
  /**
   * Number of alternatives to report per token, in addition to its log-probability; `null` reports no
   * log-probabilities.
   */
  readonly alternatives: number | null;
  /** Whether the text begins with the prompt. */
  readonly isEchoed: boolean;
  readonly isStreamed: boolean;
  readonly withUsage: boolean;
  readonly withTokens: boolean;
}

/** Resolves a chat request. Without a token limit, the completion may fill the model's window. */
export function resolveChat(request: ChatRequest, { sampler, renderer }: LocalEngine): CompletionRequest {
  const prompt: readonly Message[] = request.messages;
  const tokens = renderer.render(prompt);
  const { maxSequenceTokens = Infinity } = sampler.info;
  const room = Math.max(1, maxSequenceTokens - tokens.length);
  return {
    ...sharedOf(request, [tokens], request.max_completion_tokens ?? request.max_tokens ?? room),
    alternatives: request.logprobs === true ? (request.top_logprobs ?? 0) : null,
    isEchoed: false,
  };
}

/** Resolves a request with plain prompts. The default limit is 16 tokens, as in OpenAI's API. */
export function resolveText(request: TextRequest, { renderer }: LocalEngine): CompletionRequest {
  const { prompt } = request;
  const isOne = typeof prompt === 'string' || typeof prompt[0] === 'number';
  const prompts = (isOne ? [prompt] : prompt) as (string | number[])[];
  const tokens = prompts.map((one) =>
    typeof one === 'string' ? renderer.encode(one) : Int32Array.from(one),
  );
  return {
    ...sharedOf(request, tokens, request.max_tokens ?? 16),
    alternatives: request.logprobs ?? null,
    isEchoed: request.echo === true,
  };
}

function sharedOf(
  { n, temperature, top_p, top_k, seed, stop, ...rest }: ChatRequest | TextRequest,
  prompts: readonly Int32Array[],
  maxTokens: number,
): Omit<CompletionRequest, 'alternatives' | 'isEchoed'> {
  return {
    prompts: prompts.map((prompt, i) => ({ key: String(i), prompt, count: n ?? 1 })),
    sampling: {
      maxTokens,
      temperature: temperature ?? 1,
      topP: top_p ?? 1,
      topK: Math.max(0, top_k ?? 0),
      stop: typeof stop === 'string' ? [stop] : (stop ?? []),
      // If the request has no seed, use a random one.
      seed: seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
    },
    isStreamed: rest.stream === true,
    withUsage: rest.stream_options?.include_usage === true,
    withTokens: rest.return_token_ids === true,
  };
}
