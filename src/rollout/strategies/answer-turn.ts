import { EnvironmentError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import { giveToTranscript, type Transcript, writtenCount } from '../../core/transcript.ts';
import type { Renderer } from '../../engines/engine.ts';
import type { Answered, CallTool, Environment, Reply } from '../../environments/environment.ts';
import type { Json } from '../../environments/tool.ts';
import type { AttemptRequest, StrategyParts } from './strategy.ts';

/** An attempt after the environment has answered a turn. */
export interface AnsweredTurn {
  /** The transcript with the reply, or without it if the attempt is over. */
  readonly transcript: Transcript;
  readonly state: Json;
  readonly isOver: boolean;
}

interface Parts {
  readonly environment: Environment;
  readonly call: CallTool;
  readonly parts: StrategyParts;
  readonly request: Pick<AttemptRequest, 'maxTokens'>;
  readonly signal: AbortSignal;
}

/**
 * Appends the environment's reply to the last turn.
 *
 * @throws EnvironmentError if the reply is late or cannot be appended, or if the environment throws.
 */
export async function answerTurn(
  game: Parts,
  renderer: Renderer,
  transcript: Transcript,
  state: Json,
): Promise<AnsweredTurn> {
  const { environment, parts, request } = game;
  const { start, end } = transcript.written.at(-1)!;
  const written = transcript.tokens.subarray(start, end);
  const hasEnded = renderer.endTokens.includes(written.at(-1)!);
  const answered = await replyInTime(game, renderer, { text: renderer.decode(written), hasEnded }, state);
  requireFiniteReward(answered, environment);
  const noted = noteTurn(transcript, answered);
  const { reply, state: next } = answered;
  if (reply.type === 'end') return { transcript: noted, state: next, isOver: true };
  const window = parts.engine.sampler.info.maxSequenceTokens ?? Infinity;
  const limit = limitReached(noted, environment.maxTurns, request.maxTokens);
  if (limit !== null) return { transcript: cutOff(noted, limit), state: next, isOver: true };
  requireReasonable(reply, environment, window);
  const given = appendReply(noted, reply, renderer, hasEnded, environment);
  if (given.tokens.length >= window)
    return { transcript: cutOff(noted, 'window'), state: next, isOver: true };
  return { transcript: given, state: next, isOver: false };
}

function replyInTime(
  { environment, call, signal }: Parts,
  renderer: Renderer,
  written: { readonly text: string; readonly hasEnded: boolean },
  state: Json,
): Promise<Answered> {
  return withinTime(environment, 'reply', signal, (either) =>
    environment.reply(state, written, {
      signal: either,
      call: (...[tool, args]: Parameters<Context['call']>) => call(tool, args, either),
      cut: (text: string, maxTokens: number) => cutText(text, maxTokens, renderer),
    }),
  );
}

/**
 * Waits for an environment for at most its `maxTime`.
 *
 * @param what name of the awaited item, for the error message.
 * @throws EnvironmentError after `maxTime`; the signal's reason when aborted.
 */
export async function withinTime<Value>(
  environment: Environment,
  what: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Value | Promise<Value>,
): Promise<Value> {
  const late = AbortSignal.timeout(environment.maxTime);
  const either = AbortSignal.any([signal, late]);
  either.throwIfAborted();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (): void =>
    reject(
      late.aborted
        ? new EnvironmentError(`${environment.name} returned no ${what} within ${environment.maxTime} ms`)
        : either.reason,
    );
  either.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work(either), stopped]);
  } finally {
    either.removeEventListener('abort', stop);
  }
}

type Context = Parameters<Environment['reply']>[2];

function requireFiniteReward({ reward = 0 }: Answered, { name }: Environment): void {
  if (!Number.isFinite(reward))
    throw new EnvironmentError(`${name}: expected a finite reward, got ${String(reward)}`);
}

/** Records the tool calls in the policy's message, and the reward in its span. */
function noteTurn(transcript: Transcript, { calls = [], reward }: Answered): Transcript {
  const { written, messages } = transcript;
  return {
    ...transcript,
    ...(reward !== undefined && { written: [...written.slice(0, -1), { ...written.at(-1)!, reward }] }),
    ...(calls.length > 0 && { messages: [...messages.slice(0, -1), { ...messages.at(-1)!, calls }] }),
  };
}

function limitReached(transcript: Transcript, maxTurns: number, maxTokens: number): Limit | null {
  if (writtenCount(transcript) >= maxTokens) return 'tokens';
  return transcript.written.length >= maxTurns ? 'turns' : null;
}

type Limit = NonNullable<Transcript['written'][number]['limit']>;

/** Marks the last span as truncated. */
const cutOff = (transcript: Transcript, limit: Limit): Transcript => ({
  ...transcript,
  written: [
    ...transcript.written.slice(0, -1),
    { ...transcript.written.at(-1)!, finishReason: 'length', limit },
  ],
});

/** Upper bound on the characters per token, used to limit a text without encoding it. */
const charactersPerToken = 64;

function requireReasonable(
  reply: Exclude<Reply, { type: 'end' }>,
  { name }: Environment,
  window: number,
): void {
  const characters =
    reply.type === 'insert'
      ? reply.text.length
      : reply.messages.reduce((sum, one) => sum + one.content.length, 0);
  if (characters <= window * charactersPerToken) return;
  throw new EnvironmentError(
    `${name}: expected a reply that fits into the model's ${window} tokens, got ${characters} characters; cut results with context.cut`,
  );
}

function appendReply(
  transcript: Transcript,
  reply: Exclude<Reply, { type: 'end' }>,
  renderer: Renderer,
  hasEnded: boolean,
  { name, tags }: Environment,
): Transcript {
  if (reply.type === 'messages')
    return giveToTranscript(transcript, renderer.append(transcript, reply.messages), reply.messages);
  if (hasEnded)
    throw new EnvironmentError(
      `${name}: expected messages or the end after the policy ended its turn, got an insertion`,
    );
  const message: Message = { role: 'assistant', content: reply.text };
  return giveToTranscript(transcript, renderer.encodeForeign(reply.text, tags), [message]);
}

/** Cuts text to at most `maxTokens` tokens; limits the characters first, so that a huge text is never fully encoded. */
function cutText(text: string, maxTokens: number, renderer: Renderer): string {
  const bounded = text.slice(0, maxTokens * charactersPerToken);
  const tokens = renderer.encodeForeign(bounded);
  if (bounded.length === text.length && tokens.length <= maxTokens) return text;
  const kept = renderer.decode(tokens.subarray(0, maxTokens)).replace(/\uFFFD+$/u, '');
  return `${kept} … [cut: ${kept.length} of ${text.length} characters]`;
}
