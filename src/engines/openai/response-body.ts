import * as z from 'zod';

/*
 * The JSON of completions as servers write it. The schemas transform nothing, so that parsing a parsed body
 * again returns an equal one. An unreadable optional field (usage, log-probabilities, token ids) parses to
 * `undefined`; the rest stays readable.
 */

const count = z.int().min(0).max(1e9);

const usage = z
  .object({
    prompt_tokens: count,
    completion_tokens: count,
    prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish().catch(undefined),
    /** DeepSeek's name for the cached tokens. */
    prompt_cache_hit_tokens: count.nullish().catch(undefined),
  })
  .nullish()
  .catch(undefined);

const tokenIds = z.array(z.int().min(0)).nullish().catch(undefined);

/**
 * Log-probabilities. Chat: one entry per token, to which llama.cpp adds the token id. Completions: parallel lists, in
 * which vLLM may name tokens by id.
 */
const logprobs = z
  .union([
    z.object({
      content: z.array(z.object({ token: z.string(), logprob: z.number(), id: z.int().min(0).optional() })),
    }),
    z.object({ tokens: z.array(z.string()), token_logprobs: z.array(z.number().nullable()) }),
  ])
  .nullish()
  .catch(undefined);

/** The content of a message: text, or a list of parts (Mistral), of which some are not text, such as `thinking`. */
const content = z.union([
  z.string(),
  z.array(z.union([z.string(), z.object({ type: z.string().optional(), text: z.string().optional() })])),
]);

/** The stop string that ended a choice, or the id of the stop token. */
const stopReason = z.union([z.string(), z.int()]).nullish().catch(undefined);

const choice = z.object({
  index: z.int().min(0).default(0),
  text: z.string().nullish(),
  /** The message of a complete chat choice. */
  message: z.object({ content: content.nullable() }).optional(),
  /** A piece of the message of a streamed chat choice. */
  delta: z.object({ content: content.nullish() }).nullish(),
  finish_reason: z.string().nullish(),
  /** vLLM's name for the stop reason. */
  stop_reason: stopReason,
  /** SGLang's name for the stop reason. */
  matched_stop: stopReason,
  logprobs,
  token_ids: tokenIds,
  prompt_token_ids: tokenIds,
});

/** A response, or one event of a streamed response. */
export const responseBody = z.object({
  choices: z.array(choice),
  usage,
  /** Token ids of the prompt, in vLLM's chat completions. */
  prompt_token_ids: tokenIds,
});

/** The usage of a response, regardless of its choices. */
export const usageBody = z.object({ usage });

export type ResponseBody = z.output<typeof responseBody>;
export type ResponseChoice = ResponseBody['choices'][number];
export type ResponseUsage = NonNullable<ResponseBody['usage']>;

/**
 * Joins the text of a message's content; omits parts that are not text, such as `thinking`.
 * @returns undefined for missing content.
 */
export function textOfContent(given: z.output<typeof content> | null | undefined): string | undefined {
  if (typeof given !== 'object' || given === null) return given ?? undefined;
  return given.map((part) => (typeof part === 'string' ? part : (part.text ?? ''))).join('');
}
