import * as z from 'zod';
import type { Prices } from '../../core/spending.ts';
import { noun } from '../../core/noun.ts';

const perMillion = z.number().min(0);

/** What a million tokens cost; `cached` for prompt tokens that the server had read before, the same as others where absent. */
const prices: z.ZodType<Prices> = z.strictObject({
  prompt: perMillion,
  cached: perMillion.optional(),
  completion: perMillion,
});

/** A model behind a server that speaks OpenAI's API: it samples and does not learn. */
export const openaiConfig = z
  .strictObject({
    type: z.literal('openai'),
    /** With its version, e.g. `http://127.0.0.1:8000/v1`. */
    baseUrl: z.url({ protocol: /^https?$/ }),
    /** The environment variable that holds the key; the key itself is written nowhere. */
    apiKeyEnv: z.string().min(1).optional(),
    /**
     * `chat`: the server puts messages into the model's chat template. `completions`: prompts go as they are, for base
     * models; with a tokenizer as tokens, in its template. `auto`: tokens where there is a tokenizer and the server takes
     * them, else chat, else completions.
     */
    api: z.enum(['auto', 'chat', 'completions']).default('auto'),
    /** A folder with the model's tokenizer. */
    tokenizer: z.string().min(1).optional(),
    /**
     * Attempts asked for at once (`n`): the server reads the prompt once for all of them. With 1 each attempt has a seed
     * of its own and can be repeated by itself.
     */
    choicesPerRequest: z.int().min(1).max(256).default(1),
    /** Answers come in pieces, so that a server that has stalled is seen long before the deadline. */
    stream: z.boolean().default(false),
    /** Longest silence of a stream, before its first piece too. */
    idleSeconds: z.number().positive().default(60),
    /** Ask for tokens and their log-probabilities; kept where the server tells both and samples at temperature 0 or 1. */
    logprobs: z.boolean().default(false),
    /** Most requests at once; fewer while the server pushes back. */
    maxConcurrency: z.int().min(1).max(4096).default(64),
    /** Deadline of one request. */
    timeoutSeconds: z.number().positive().default(600),
    /** Tries of one request before the engine gives up. */
    maxAttempts: z.int().min(1).default(10),
    /** What the server calls the length limit. */
    lengthField: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
    prices: prices.optional(),
    /** When to stop asking; requests under way are finished. */
    budget: z
      .strictObject({
        /** In the currency of the prices. */
        maxCost: z.number().positive().optional(),
        /** Of prompts and completions together. */
        maxTokens: z.int().positive().optional(),
      })
      .prefault({}),
  })
  .refine(({ prices: known, budget }) => known !== undefined || budget.maxCost === undefined, {
    error: 'expected prices beside a maxCost: without them no cost is known',
    path: ['prices'],
  });

/** All settings of a model server. */
export type OpenaiConfig = z.output<typeof openaiConfig>;

/** What `openai` accepts. */
export type OpenaiOptions = Omit<z.input<typeof openaiConfig>, 'type'>;

/** The engine for vLLM, SGLang, llama.cpp and hosted models; `policy.model` is the name the server knows. */
export const openai = noun(openaiConfig);
