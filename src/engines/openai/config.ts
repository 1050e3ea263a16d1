import * as z from 'zod';
import type { Prices } from '../../core/spending.ts';
import { noun } from '../../core/config-builder.ts';
import { optionalFields } from './optional-fields.ts';

const perMillion = z.number().min(0);

/** Prices per million tokens; without `cached`, cached prompt tokens cost as much as others. */
const prices: z.ZodType<Prices> = z.strictObject({
  prompt: perMillion,
  cached: perMillion.optional(),
  completion: perMillion,
});

/** Schema of the engine for a server with OpenAI's API, which samples but does not learn. */
export const openaiConfig = z
  .strictObject({
    type: z.literal('openai'),
    /** Base URL including the version, e.g. `http://127.0.0.1:8000/v1`. */
    baseUrl: z.url({ protocol: /^https?$/ }),
    /** Environment variable with the API key. The key itself is not stored. */
    apiKeyEnv: z.string().min(1).optional(),
    /**
     * `chat`: the server applies its chat template. `completions`: prompts are sent as they are, for base models; or,
     * with a tokenizer, as tokens in its chat template. `auto`: tokens if there is a tokenizer and the server accepts
     * them, else chat, else completions.
     */
    api: z.enum(['auto', 'chat', 'completions']).default('auto'),
    /** Folder with the model's tokenizer. */
    tokenizer: z.string().min(1).optional(),
    /**
     * Number of completions per request (`n`), which share a prefill. With 1, each attempt has its own seed and can be
     * repeated individually.
     */
    choicesPerRequest: z.int().min(1).max(256).default(1),
    /** Stream answers, which detects a stalled server long before the deadline. */
    stream: z.boolean().default(false),
    /** Maximum pause within a stream, including the time before its first piece. */
    idleSeconds: z.number().positive().default(60),
    /**
     * Request tokens with their log-probabilities. They are stored if the server returns both and the sampling is at
     * temperature 0 or 1 without top-p and top-k.
     */
    logprobs: z.boolean().default(false),
    /**
     * Fields to omit because the server rejects them. Fields that it rejects by name are omitted
     * automatically.
     */
    omit: z.array(z.enum(optionalFields)).default([]),
    /** Maximum number of concurrent requests; fewer while the server is overloaded. */
    maxConcurrency: z.int().min(1).max(4096).default(64),
    /** Time limit per request, in seconds. */
    timeoutSeconds: z.number().positive().default(600),
    /** Maximum number of attempts at one request before the engine gives up. */
    maxAttempts: z.int().min(1).default(10),
    /** The server's name for the token limit. */
    lengthField: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
    prices: prices.optional(),
    /** Limits after which no request is sent; requests in flight are finished. */
    budget: z
      .strictObject({
        /** Maximum cost, in the currency of the prices. */
        maxCost: z.number().positive().optional(),
        /** Maximum number of tokens, prompts and completions together. */
        maxTokens: z.int().positive().optional(),
      })
      .prefault({}),
  })
  .refine(({ prices: known, budget }) => known !== undefined || budget.maxCost === undefined, {
    error: 'expected prices with maxCost; without them the cost is unknown',
    path: ['prices'],
  });

/** A parsed config: all settings of a model server. */
export type OpenaiConfig = z.output<typeof openaiConfig>;

/** Options of `openai`. */
export type OpenaiOptions = Omit<z.input<typeof openaiConfig>, 'type'>;

/**
 * Configures the engine for vLLM, SGLang, llama.cpp and hosted models; `policy.model` is the model's name on the
 * server.
 */
export const openai = noun(openaiConfig);
