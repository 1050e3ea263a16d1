import { EngineError } from '../../core/errors.ts';
import { type Arrivals, createArrivals } from '../../core/arrivals.ts';
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
import { type Asking, type AttemptGroup, questionFor } from './questions.ts';

/** A server, and how it is asked. */
export interface Server {
  readonly client: ClientOptions;
  readonly asking: Asking;
  /** Attempts asked for in one request at most. */
  readonly choices: number;
  readonly maxConcurrency: number;
}

/**
 * Asks a server for completions. An answer with fewer choices than asked for is taken for what it holds, and only the
 * missing attempts are asked for again: none comes twice. Once the budget is spent nothing new is asked; what is under
 * way is finished before the error.
 *
 * @throws EngineError when the server refuses or fails too often (`MODEL_SERVER_FAILED`), or with code `BUDGET_SPENT`.
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
  const stream = createArrivals<Completion>();
  // Several greedy answers are one answer; vLLM refuses to give them.
  const groups = groupsOf(request, request.temperature === 0 ? 1 : server.choices);
  const work = async (): Promise<void> => {
    // Who leaves by an error ends the groups for the others too.
    for (const group of groups) await complete(server, request, group, stream.push, stopping.signal);
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

/** Ends the stream by the first error of a worker. */
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

/** Asks for the attempts of a group until each has its choice. */
async function complete(
  { client, asking }: Server,
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
 * The attempts that follow one another without a gap. Choice j of the seed of attempt i is always attempt i + j: were the
 * seed asked again with others in between, a server that honours it would tell one draw as two attempts.
 */
const firstRun = (indices: readonly number[]): readonly number[] =>
  indices.filter((index, i) => index === indices[0]! + i);

function completionOf(
  { tokenizer, form }: Asking,
  { temperature = 1 }: SampleRequest,
  { key, prompt, indices }: AttemptGroup,
  { index, text, isTruncated, written, promptTokens }: Choice,
  stated: number | undefined,
): Completion {
  // Servers tell log-probabilities of temperature 1; ours are of the sampling temperature, and greedy ones of 1.
  const told = temperature === 0 || temperature === 1 ? written : undefined;
  const given = givenOf(prompt, promptTokens, form === 'tokens' ? tokenizer : undefined);
  const finishReason = isTruncated ? 'length' : 'stop';
  const transcript =
    told === undefined
      ? withoutTokens(given, stated ?? written?.tokens.length ?? 0, text, finishReason)
      : extendTranscript(given, { ...told, finishReason, policyVersion: 0 }, () => text);
  return { type: 'completion', key, index: indices[index]!, transcript };
}

/** The transcript that a prompt begins, with the tokens the server or our tokenizer made of it. */
function givenOf(
  prompt: AttemptGroup['prompt'],
  stated: Int32Array | undefined,
  tokenizer: Asking['tokenizer'],
): Transcript {
  if (prompt instanceof Int32Array) return givenTranscript([], prompt);
  if (isTranscript(prompt)) return prompt;
  return givenTranscript(prompt, stated ?? tokenizer?.encodePrompt(prompt) ?? new Int32Array(0));
}

/** A transcript that knows its text but not its tokens: the span counts them, the arrays are empty. */
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
    messages: [...messages, { role: 'assistant', content, author: 'policy' }],
  };
}

const budgetSpent = (spent: string): EngineError =>
  new EngineError(
    `the budget is spent: ${spent}; what was answered is kept. Raise policy.engine.budget and run the same command: ` +
      'it goes on where it stopped',
    { code: 'BUDGET_SPENT', tryNext: 'the same command with a larger policy.engine.budget' },
  );
