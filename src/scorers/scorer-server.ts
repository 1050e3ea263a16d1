import * as z from 'zod';
import { ConfigError, EngineError } from '../core/errors.ts';
import type { Message } from '../core/problem.ts';
import { hashKey } from '../core/rng.ts';
import { promptLength } from '../core/transcript.ts';
import type { Renderer } from '../engines/engine.ts';
import { type Endpoint, readAddress } from '../engines/openai/address.ts';
import { post } from '../engines/openai/client.ts';
import { openaiConfig } from '../engines/openai/config.ts';
import { clientOf } from '../engines/openai/engine.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';

/** Config fields that all scorers behind a server share. */
export const scorerServer = {
  /** URL with the API version, e.g. `http://127.0.0.1:8000/v1`. */
  baseUrl: z.url({ protocol: /^https?$/ }),
  /** Environment variable that contains the API key. The key itself is not stored. */
  apiKeyEnv: z.string().min(1).optional(),
  /** Name of the scorer on the server. */
  model: z.string().min(1),
  /**
   * A question with a correct and a wrong answer, which are scored when the scorer is opened, to detect swapped labels.
   */
  probe: z
    .strictObject({ prompt: z.string().min(1), right: z.string().min(1), wrong: z.string().min(1) })
    .prefault({ prompt: '2+3=?', right: '2+3=5', wrong: '2+3=6' }),
  /** Deadline for one request. */
  timeoutSeconds: z.number().positive().default(600),
  maxConcurrency: z.int().min(1).max(4096).default(64),
  /** Maximum number of attempts per request, after which the scorer fails. */
  maxAttempts: z.int().min(1).default(10),
};

/** Settings of a scorer behind a server. */
export type ScorerServerConfig = z.output<z.ZodObject<typeof scorerServer>> & { readonly type: string };

/** The parts of an attempt from which a request is built. */
export interface ScoredAttempt {
  readonly prompt: readonly Message[];
  /** Text of every step so far, including its trailing white space. */
  readonly steps: readonly string[];
  /** The policy's tokens, and the ends of all steps in them. */
  readonly tokens: Int32Array;
  readonly ends: readonly number[];
}

/** How one API scores an attempt. */
export interface ScoringApi<Response> {
  readonly endpoint: Endpoint;
  /** Returns the request body without the model's name. */
  body(attempt: ScoredAttempt): Readonly<Record<string, unknown>>;
  readonly response: z.ZodType<Response>;
  /** Returns one score per step, or a phrase that explains why the response has none. */
  scores(response: Response, attempt: ScoredAttempt): readonly number[] | string;
  /** Settings that swap the labels, for the hint in an error message. */
  readonly swap: string;
}

/** If the probe's two scores differ by less than this, the scorer hardly distinguishes correct from wrong answers. */
const clearDifference = 0.1;

/** Maximum number of bytes in a response; log-probabilities with alternatives take about 2 kB per token. */
const maxBytes = 2 ** 28;

/**
 * Opens a scorer behind a server and scores its probe.
 *
 * @throws ConfigError if the probe's wrong answer scores higher, as with swapped labels, and for a policy without a
 * tokenizer; EngineError if the server does not respond, or responds without scores.
 */
export async function openServerScorer<Response>(
  config: ScorerServerConfig,
  renderer: Renderer | undefined,
  api: ScoringApi<Response>,
): Promise<StepScorer> {
  const { type, model, baseUrl, apiKeyEnv, timeoutSeconds, maxConcurrency, maxAttempts } = config;
  const name = `${type} ${model}`;
  if (renderer === undefined)
    throw new ConfigError(
      `scorer ${name}: expected a policy with a tokenizer, which divides answers into steps; set "tokenizer" of the openai engine`,
    );
  const server = { type: 'openai', baseUrl, apiKeyEnv, timeoutSeconds, maxConcurrency, maxAttempts };
  const address = readAddress(baseUrl);
  const client = clientOf(openaiConfig.parse(server), address);
  const never = new AbortController().signal;
  const ask = async (attempt: ScoredAttempt, signal = never): Promise<readonly number[]> => {
    const body = { model, ...api.body(attempt) };
    const key = hashKey('step scorer', attempt.tokens.join(' '));
    const read = (answer: unknown): { readonly response: Response } | string => {
      const parsed = api.response.safeParse(answer);
      return parsed.success ? { response: parsed.data } : `expected scores: ${z.prettifyError(parsed.error)}`;
    };
    const { response } = await post(client, { endpoint: api.endpoint, body, maxBytes, key, read }, signal);
    const scores = api.scores(response, attempt);
    if (typeof scores !== 'string') return scores;
    throw new EngineError(`scorer ${name} at ${address.shown}: ${scores}`, {
      code: 'SCORER_UNFIT',
      tryNext: `gradus doctor ${address.shown}`,
    });
  };
  await requireOrder({ name, ...config }, renderer, ask, api.swap);
  return {
    name,
    reads: 'all',
    score: async (problem, transcript, ends, signal, earlier = []) => {
      const { tokens } = transcript;
      const all = [...earlier, ...ends];
      const starts = [promptLength(transcript), ...all];
      const steps = all.map((end, at) => renderer.decode(tokens.subarray(starts[at], end)));
      const scores = await ask({ prompt: problem.prompt, steps, tokens, ends: all }, signal);
      return scores.slice(earlier.length);
    },
  };
}

/**
 * Checks the order of the probe's scores. @throws ConfigError unless the correct answer scores higher; warns if the two
 * scores hardly differ.
 */
async function requireOrder(
  { name, probe }: Pick<ScorerServerConfig, 'probe'> & { readonly name: string },
  renderer: Renderer,
  ask: (attempt: ScoredAttempt) => Promise<readonly number[]>,
  swap: string,
): Promise<void> {
  const prompt: Message[] = [{ role: 'user', content: probe.prompt }];
  const scoreOf = async (text: string): Promise<number> => {
    const tokens = Int32Array.from([...renderer.render(prompt), ...renderer.encode(text)]);
    const scores = await ask({ prompt, steps: [text], tokens, ends: [tokens.length] });
    return scores[0]!;
  };
  const [right, wrong] = await Promise.all([scoreOf(probe.right), scoreOf(probe.wrong)]);
  const found = `scorer ${name}: "${probe.right}" scores ${right.toFixed(3)}, "${probe.wrong}" ${wrong.toFixed(3)}`;
  if (wrong - right > clearDifference)
    throw new ConfigError(`${found}, expected the reverse: the labels are swapped`, {
      code: 'SCORER_LABELS_SWAPPED',
      tryNext: swap,
    });
  if (right - wrong < clearDifference)
    process.emitWarning(`${found}: no clear difference; set "probe" to a question that the scorer can judge`);
}
