import { EngineError } from '../../core/errors.ts';
import { type Arrivals, createArrivals } from '../../core/async/async-queue.ts';
import {
  extendTranscript,
  type FinishReason,
  givenTranscript,
  type Transcript,
} from '../../core/transcript.ts';
import { isTranscript } from '../requests/sampling-request.ts';
import type { Completion, SampleRequest } from '../engine.ts';
import type { Choice } from './answer.ts';
import { ask, type ClientOptions } from './client.ts';
import { type Asking, type AttemptGroup, questionFor } from './write-request.ts';
import { endAtStop } from './stop-strings.ts';

/** A server, and the format of requests to it. */
export interface Server {
  readonly client: ClientOptions;
  readonly askingFor: (request: SampleRequest) => Promise<Asking>;
  /** Maximum number of attempts per request. */
  readonly choices: number;
  readonly maxConcurrency: number;
}

/**
 * Samples completions from a server. Uses the choices of a partial answer, and requests only the missing attempts
 * again. When the budget is used up, sends no more requests, and throws once those in flight have finished.
 *
 * @throws EngineError if the server rejects a request or fails too often (`MODEL_SERVER_FAILED`), or with
 * code `BUDGET_SPENT`.
 */
export async function* sampleFrom(
  server: Server,
  request: SampleRequest,
  signal?: AbortSignal,
): AsyncGenerator<Completion> {
  if (signal?.aborted === true) return;
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  signal?.addEventListener('abort', stop, { once: true });
  const asking = await server.askingFor(request);
  refuseContinuation(asking.form, request);
  const stream = createArrivals<Completion>();
  // Greedy choices are all the same; vLLM rejects requests for several.
  const groups = groupsOf(request, request.temperature === 0 ? 1 : server.choices);
  const work = async (): Promise<void> => {
    // The workers share the generator: an error in one closes it for all.
    for (const group of groups)
      await complete(server.client, asking, request, group, stream.push, stopping.signal);
  };
  const workers = Array.from({ length: server.maxConcurrency }, work);
  Promise.allSettled(workers).then(
    (ends) => finish(ends, stopping.signal.aborted, stream),
    () => {},
  );
  try {
    yield* stream;
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
    await Promise.allSettled(workers);
  }
}

/** Ends the stream; throws the first error of a worker if there is one. */
function finish(
  ends: readonly PromiseSettledResult<void>[],
  isStopped: boolean,
  stream: Arrivals<Completion>,
): void {
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed === undefined || isStopped) stream.end();
  else stream.fail(failed.reason);
}

function* groupsOf({ prompts }: SampleRequest, choices: number): Generator<AttemptGroup> {
  for (const { key, prompt, count, firstIndex = 0 } of prompts) {
    for (let made = 0; made < count; made += choices) {
      const length = Math.min(choices, count - made);
      yield { key, prompt, indices: Array.from({ length }, (_, i) => firstIndex + made + i) };
    }
  }
}

/** Repeats requests for the attempts in a group until each of them has a choice. */
async function complete(
  client: ClientOptions,
  asking: Asking,
  request: SampleRequest,
  group: AttemptGroup,
  push: (completion: Completion) => void,
  signal: AbortSignal,
): Promise<void> {
  let missing = group.indices;
  while (missing.length > 0) {
    const spent = client.ledger.spent();
    if (spent !== undefined) throw budgetSpent(spent);
    const asked = { ...group, indices: firstRun(missing) };
    const { choices, usage } = await ask(client, questionFor(asking, request, asked), signal);
    const tokenCount = asked.indices.length === 1 ? usage?.completionTokens : undefined;
    for (const choice of choices) push(completionOf(asking, request, asked, choice, tokenCount));
    const answered = new Set(choices.map(({ index }) => asked.indices[index]));
    missing = missing.filter((index) => !answered.has(index));
  }
}

/**
 * Returns the leading run of consecutive indices. Choice j of a request with the seed of attempt i is always attempt i
 * + j; after a gap, a server that honours seeds could return the same draw for two attempts.
 */
const firstRun = (indices: readonly number[]): readonly number[] =>
  indices.filter((index, i) => index === indices[0]! + i);

/**
 * Rejects unfinished messages unless the prompt is sent as tokens: a chat server would begin a new turn.
 * @throws EngineError (`BAD_REQUEST`).
 */
function refuseContinuation(form: Asking['form'], { prompts }: SampleRequest): void {
  if (form === 'tokens') return;
  const open = prompts.find(
    ({ prompt }) => isTranscript(prompt) && prompt.messages.at(-1)?.author === 'policy',
  );
  if (open === undefined) return;
  throw new EngineError(
    `sample: expected a prompt that ends before the model's turn, got the unfinished answer of "${open.key}"; this server takes messages, which cannot be continued`,
    { code: 'BAD_REQUEST', tryNext: 'set api = "completions" and a tokenizer in policy.engine' },
  );
}

function completionOf(
  { tokenizer, form }: Asking,
  request: SampleRequest,
  { key, prompt, indices }: AttemptGroup,
  choice: Choice,
  stated: number | undefined,
): Completion {
  const ended = endAtStop(choice, request.stop ?? []);
  const { index, text, isTruncated, written, tokenCount, promptTokens } = ended;
  const given = givenOf(prompt, promptTokens, form === 'tokens' ? tokenizer : undefined);
  const finishReason = isTruncated ? 'length' : 'stop';
  const transcript =
    written === undefined || !hasOurLogprobs(request)
      ? withoutTokens(given, tokenCount ?? stated ?? 0, text, finishReason)
      : extendTranscript(given, { ...written, finishReason, policyVersion: 0 }, () => text);
  return { type: 'completion', key, index: indices[index]!, transcript };
}

/**
 * Returns whether a server's log-probabilities have the definition of those in a transcript: full softmax at the
 * sampling temperature, or at 1 for greedy sampling. By default, servers return log-probabilities at temperature 1;
 * with `processed_logprobs`, vLLM returns them after temperature, top-p and top-k. If none of the three has an effect,
 * both definitions agree.
 */
const hasOurLogprobs = ({ temperature = 1, topP = 1, topK = 0 }: SampleRequest): boolean =>
  (temperature === 0 || temperature === 1) && topP === 1 && topK === 0;

/** Returns the transcript of a prompt, with the tokens from the server or from our tokenizer. */
function givenOf(
  prompt: AttemptGroup['prompt'],
  stated: Int32Array | undefined,
  tokenizer: Asking['tokenizer'],
): Transcript {
  if (prompt instanceof Int32Array) return givenTranscript([], prompt);
  if (isTranscript(prompt)) return prompt;
  return givenTranscript(prompt, stated ?? tokenizer?.encodePrompt(prompt) ?? new Int32Array(0));
}

/**
 * Returns a transcript with text but without tokens: the arrays are empty, and the span counts the tokens if their
 * number is known.
 */
function withoutTokens(
  { tokens, written, messages }: Transcript,
  count: number,
  content: string,
  finishReason: FinishReason,
): Transcript {
  const start = tokens.length;
  return {
    tokens: new Int32Array(0),
    logprobs: new Float32Array(0),
    written: [...written, { start, end: start + count, policyVersion: 0, finishReason }],
    messages: [
      ...(messages.at(-1)?.author === 'policy' ? messages.slice(0, -1) : messages),
      { role: 'assistant', content: unfinishedIn({ messages }) + content, author: 'policy' },
    ],
  };
}

/** Returns the policy's message that a continuation extends; empty if the policy did not write last. */
const unfinishedIn = ({ messages }: Pick<Transcript, 'messages'>): string => {
  const last = messages.at(-1);
  return last?.author === 'policy' ? last.content : '';
};

const budgetSpent = (spent: string): EngineError =>
  new EngineError(
    `the budget is spent: ${spent}; completed attempts are kept. Raise policy.engine.budget and run the command again to continue`,
    { code: 'BUDGET_SPENT', tryNext: 'the same command with a larger policy.engine.budget' },
  );
