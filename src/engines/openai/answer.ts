import * as z from 'zod';
import type { Spending } from '../../core/spending.ts';

/** One choice of an answer, whichever API it came through. */
export interface Choice {
  /** Its place among the choices asked for. */
  readonly index: number;
  readonly text: string;
  readonly isTruncated: boolean;
  /** Log-probabilities came with it, of whatever tokens. */
  readonly isScored: boolean;
  /** Tokens with their log-probabilities, where the server told both and they fit together. */
  readonly written?: { readonly tokens: Int32Array; readonly logprobs: Float32Array };
  readonly promptTokens?: Int32Array;
}

/** What a request took, as the server states it. */
export type Usage = Omit<Spending, 'requests' | 'cost'>;

/** A whole answer. */
export interface Answer {
  /** Distinct places below the number asked for; at least one. */
  readonly choices: readonly Choice[];
  readonly usage?: Usage;
}

const count = z.int().min(0).max(1e9);

/** Numbers that cannot be are no numbers: an answer is not worse for them. */
const usage = z
  .object({
    prompt_tokens: count,
    completion_tokens: count,
    prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish().catch(undefined),
    /** DeepSeek's name for it. */
    prompt_cache_hit_tokens: count.nullish().catch(undefined),
  })
  .transform((given): Usage => {
    const cached = given.prompt_tokens_details?.cached_tokens ?? given.prompt_cache_hit_tokens ?? 0;
    return {
      promptTokens: given.prompt_tokens,
      cachedTokens: Math.min(cached, given.prompt_tokens),
      completionTokens: given.completion_tokens,
    };
  })
  .nullish()
  .catch(undefined);

const tokenIds = z.array(z.int().min(0)).nullish().catch(undefined);

/** Chat: an entry a token; llama.cpp gives each its id. Completions: parallel lists; vLLM may name tokens by id. */
const logprobs = z
  .union([
    z.object({
      content: z.array(z.object({ token: z.string(), logprob: z.number(), id: z.int().min(0).optional() })),
    }),
    z.object({ tokens: z.array(z.string()), token_logprobs: z.array(z.number().nullable()) }),
  ])
  .nullish()
  .catch(undefined);

const choice = z.object({
  index: z.int().min(0).default(0),
  text: z.string().nullish(),
  /** What a whole chat choice says, and what a piece of one adds. */
  message: z.object({ content: z.string().nullable() }).optional(),
  delta: z.object({ content: z.string().nullish() }).optional(),
  finish_reason: z.string().nullish(),
  logprobs,
  token_ids: tokenIds,
  prompt_token_ids: tokenIds,
});

/** Ends that are the server's and not the model's: such a choice is no attempt. */
const unfinished: ReadonlySet<unknown> = new Set(['abort', 'aborted', 'cancelled', 'error']);

/** An answer, or a piece of a streamed one, as servers write it. */
export const serverAnswer = z.object({
  choices: z.array(choice),
  usage,
  /** Where vLLM's chat completions state the prompt. */
  prompt_token_ids: tokenIds,
});

/** A choice as a server writes it. */
export type ServerChoice = z.output<typeof choice>;

/** An answer as a server writes it. */
export type ServerAnswer = z.output<typeof serverAnswer>;

/** The usage of a body that may be no answer: what was thrown away was paid for too. */
export function usageIn(body: unknown): Usage | undefined {
  const found = z.object({ usage }).safeParse(body);
  return found.data?.usage ?? undefined;
}

/**
 * Takes an answer to a request for `wanted` choices. Fewer are an answer to a part of it.
 *
 * @returns what is wrong with it, as a sentence, where its choices cannot be told apart or are not what was asked for.
 */
export function readAnswer(body: unknown, wanted: number): Answer | string {
  const parsed = serverAnswer.safeParse(body);
  if (!parsed.success) return 'expected choices';
  const { choices, usage: took, prompt_token_ids: prompt } = parsed.data;
  const ended = choices.filter(({ finish_reason }) => !unfinished.has(finish_reason));
  if (choices.length > 0 && ended.length === 0) return 'expected choices that were written to their end';
  if (choices.length > wanted) return `expected at most ${wanted}, got ${choices.length}`;
  const read = ended.map((one) => readChoice(one, prompt));
  if (read.includes(undefined)) return 'expected choices with a text';
  const whole = read as Choice[];
  const places = new Set(whole.map(({ index }) => index));
  if (whole.length === 0 || whole.length > wanted || places.size < whole.length)
    return `expected ${wanted === 1 ? 'one choice' : `${wanted} choices with an index each`}, got ${whole.length}`;
  if (Math.max(...places) >= wanted) return `expected choices 0 … ${wanted - 1}, got ${Math.max(...places)}`;
  return { choices: whole, ...(took && { usage: took }) };
}

function readChoice(given: ServerChoice, prompt: readonly number[] | null | undefined): Choice | undefined {
  // A chat choice without a text (`null`) is an empty one; one that states none at all is broken.
  const text = given.message === undefined ? given.text : (given.message.content ?? '');
  if (typeof text !== 'string') return undefined;
  const { index, finish_reason: reason } = given;
  const written = writtenOf(given);
  const promptTokens = given.prompt_token_ids ?? prompt;
  return {
    index,
    text,
    isTruncated: reason === 'length',
    isScored: Boolean(given.logprobs),
    ...(written && { written }),
    ...(promptTokens && { promptTokens: Int32Array.from(promptTokens) }),
  };
}

/** Tokens by whichever way a server has of telling them: their list, an id beside each log-probability, or names that are ids. */
function writtenOf({ token_ids, logprobs: told }: ServerChoice): Choice['written'] {
  if (!told) return undefined;
  const entries =
    'content' in told
      ? told.content
      : told.tokens.map((token, i) => ({ token, logprob: told.token_logprobs[i] ?? NaN, id: undefined }));
  const ids = token_ids ?? entries.map(({ token, id }) => id ?? idNamed(token));
  const values = entries.map(({ logprob }) => logprob);
  const fits = ids.length === values.length && ids.length > 0;
  if (!fits || ids.includes(undefined) || !values.every((value) => value <= 0)) return undefined;
  return { tokens: Int32Array.from(ids as number[]), logprobs: Float32Array.from(values) };
}

function idNamed(token: string): number | undefined {
  const digits = /^token_id:(\d{1,9})$/.exec(token)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
