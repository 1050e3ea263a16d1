import type { Spending } from '../../core/spending.ts';
import { countOf } from '../../core/text/count.ts';
import {
  type ResponseBody,
  responseBody,
  type ResponseChoice,
  type ResponseUsage,
  textOfContent,
  usageBody,
} from './response-body.ts';

/** One choice of an answer, from either endpoint. */
export interface Choice {
  /** Position among the requested choices. */
  readonly index: number;
  readonly text: string;
  readonly isTruncated: boolean;
  /** The stop string that ended the choice, if the server reports it. */
  readonly stoppedBy?: string;
  /** Whether the choice has log-probabilities, even if only for some tokens. */
  readonly isScored: boolean;
  /** Number of tokens that the server lists. */
  readonly tokenCount?: number;
  /** Texts of the tokens, which together form `text`. */
  readonly pieces?: readonly string[];
  /** Token ids with their log-probabilities, if the server lists equally many of both. */
  readonly written?: { readonly tokens: Int32Array; readonly logprobs: Float32Array };
  readonly promptTokens?: Int32Array;
}

/** Tokens that a request used, as reported by the server. */
export type Usage = Omit<Spending, 'requests' | 'cost'>;

/** A complete answer. */
export interface Answer {
  /** At least one; indices are distinct and below the number requested. */
  readonly choices: readonly Choice[];
  readonly usage?: Usage;
}

/**
 * Finish reasons caused by the server rather than the model: the choice is incomplete and does not count as
 * an attempt.
 */
const interrupted: ReadonlySet<string> = new Set([
  'abort',
  'aborted',
  'canceled',
  'cancelled',
  'error',
  'insufficient_system_resource',
  'network_error',
  'server_error',
  'timeout',
]);

/** Finish reasons with which servers report that a token limit was reached. */
const truncated: ReadonlySet<string> = new Set([
  'length',
  'max_length',
  'max_new_tokens',
  'max_output_tokens',
  'max_tokens',
  'model_length',
]);

const isOneOf = (reasons: ReadonlySet<string>, reason: string | null | undefined): boolean =>
  typeof reason === 'string' && reasons.has(reason.toLowerCase());

/**
 * Returns the usage reported in a body, even if the answer is unusable, because discarded answers are billed too;
 * undefined if none is reported.
 */
export function usageIn(body: unknown): Usage | undefined {
  const stated = usageBody.safeParse(body).data?.usage;
  if (!stated) return undefined;
  const listed = (responseBody.safeParse(body).data?.choices ?? []).map(tokensListed);
  return usageOf(stated, listed);
}

/**
 * Converts a server's usage. llama.cpp reports the completion tokens of only one of several choices; if the choices
 * list more tokens than reported, uses the number listed.
 */
function usageOf(stated: ResponseUsage, listed: readonly (number | undefined)[]): Usage {
  const { prompt_tokens: promptTokens, completion_tokens } = stated;
  const cached = stated.prompt_tokens_details?.cached_tokens ?? stated.prompt_cache_hit_tokens ?? 0;
  const sum = listed.length < 2 ? 0 : listed.reduce<number>((total, count = 0) => total + count, 0);
  return {
    promptTokens,
    cachedTokens: Math.min(cached, promptTokens),
    completionTokens: Math.max(completion_tokens, sum),
  };
}

/**
 * Reads the answer to a request for `wanted` choices. Fewer choices are a partial answer.
 *
 * @returns the answer, or a phrase that describes the problem if the choices are incomplete, ambiguous or not the
 * requested ones.
 */
export function readAnswer(body: unknown, wanted: number): Answer | string {
  const parsed = responseBody.safeParse(body);
  if (!parsed.success) return 'expected choices';
  const { choices, usage: stated, prompt_token_ids: prompt } = parsed.data;
  const ended = choices.filter(({ finish_reason }) => !isOneOf(interrupted, finish_reason));
  if (choices.length > 0 && ended.length === 0) {
    return `expected a complete choice, got finish_reason "${choices[0]!.finish_reason}"`;
  }
  if (choices.length > wanted) return `expected at most ${countOf(wanted, 'choice')}, got ${choices.length}`;
  const read = ended.map((one) => readChoice(one, prompt));
  if (read.includes(undefined)) return 'expected choices with text';
  const whole = read as Choice[];
  const places = new Set(whole.map(({ index }) => index));
  if (whole.length === 0 || places.size < whole.length)
    return `expected ${wanted === 1 ? 'one choice' : `${wanted} choices with distinct indices`}, got ${whole.length}`;
  if (Math.max(...places) >= wanted) return `expected choices 0 … ${wanted - 1}, got ${Math.max(...places)}`;
  return { choices: whole, ...(stated && { usage: usageOf(stated, choices.map(tokensListed)) }) };
}

function readChoice(given: ResponseChoice, prompt: ResponseBody['prompt_token_ids']): Choice | undefined {
  // A chat choice with null content is an empty answer; one without a content field is malformed.
  const text = given.message === undefined ? given.text : (textOfContent(given.message.content) ?? '');
  if (typeof text !== 'string') return undefined;
  const { index, finish_reason: reason, stop_reason, matched_stop } = given;
  const stoppedBy = [stop_reason, matched_stop].find((one) => typeof one === 'string');
  const tokenCount = tokensListed(given);
  const pieces = entriesOf(given)?.map(({ token }) => token);
  const written = writtenOf(given);
  const promptTokens = given.prompt_token_ids ?? prompt;
  return {
    index,
    text,
    isTruncated: isOneOf(truncated, reason),
    ...(stoppedBy !== undefined && { stoppedBy }),
    isScored: Boolean(given.logprobs),
    ...(tokenCount !== undefined && { tokenCount }),
    ...(pieces?.join('') === text && { pieces }),
    ...(written && { written }),
    ...(promptTokens && { promptTokens: Int32Array.from(promptTokens) }),
  };
}

const tokensListed = (choice: ResponseChoice): number | undefined =>
  choice.token_ids?.length ?? entriesOf(choice)?.length;

interface Entry {
  readonly token: string;
  readonly logprob: number;
  readonly id?: number | undefined;
}

/** Returns the entries of `logprobs` in either format; undefined without log-probabilities. */
function entriesOf({ logprobs }: ResponseChoice): readonly Entry[] | undefined {
  if (!logprobs) return undefined;
  if ('content' in logprobs) return logprobs.content;
  return logprobs.tokens.map((token, i) => ({ token, logprob: logprobs.token_logprobs[i] ?? NaN }));
}

/** Reads token ids from `token_ids`, from the `id` of each log-probability, or from tokens named by id. */
function writtenOf(choice: ResponseChoice): Choice['written'] {
  const entries = entriesOf(choice);
  if (entries === undefined) return undefined;
  const ids = choice.token_ids ?? entries.map(({ token, id }) => id ?? idNamed(token));
  const values = entries.map(({ logprob }) => logprob);
  const fits = ids.length === values.length && ids.length > 0;
  if (!fits || ids.includes(undefined) || !values.every((value) => value <= 0)) return undefined;
  return { tokens: Int32Array.from(ids as number[]), logprobs: Float32Array.from(values) };
}

function idNamed(token: string): number | undefined {
  const digits = /^token_id:(\d{1,9})$/.exec(token)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
