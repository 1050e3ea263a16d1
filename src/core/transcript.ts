import type { Message } from './problem.ts';

/** Why the policy stopped writing. `length`: cut off at the token limit. `error`: the engine failed. */
export type FinishReason = 'stop' | 'length' | 'error';

/** Tokens [start, end) of a transcript that the policy wrote without interruption. */
export interface Written {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /**
   * Number of optimizer updates that the policy had received when it wrote these tokens; 0 for a model that does not
   * learn.
   */
  readonly policyVersion: number;
  readonly finishReason: FinishReason;
  /** The limit that ended a multi-turn attempt; absent if the sampler's own limit ended it, or none did. */
  readonly limit?: 'tokens' | 'turns' | 'window';
  /** The environment's reward for this turn; absent if it gave none. */
  readonly reward?: number;
}

/**
 * Outcome of a call. `ok`: the tool answered. `failed`: the call itself was wrong, e.g. a program raised an
 * error. `malformed`: the call could not be read. `refused`: the call limit was reached. A failure of the
 * tool itself is not recorded here: it makes the attempt `ungradable`.
 */
export type CallOutcome = 'ok' | 'failed' | 'malformed' | 'refused';

/** A call that the policy made in a message, and its result. */
export interface ToolCall {
  /** `name@version` of the tool; only the name if the tool does not exist. */
  readonly tool: string;
  /** JSON-safe; the raw text if it could not be parsed. */
  readonly arguments: unknown;
  readonly outcome: CallOutcome;
  /** The result as the policy saw it. */
  readonly result: string;
  /** Sources of the result, e.g. titles of passages. */
  readonly sources?: readonly string[];
}

/**
 * Source of a message: given with the problem, written by the policy, returned by an environment, or supplied as the
 * start of the policy's answer.
 */
export type Author = 'problem' | 'policy' | 'environment' | 'start';

/**
 * A message and its author. An environment's message with role `assistant` was inserted into the policy's turn; with
 * any other role, it is a separate turn.
 */
export interface AuthoredMessage extends Message {
  readonly author: Author;
  /** Tool calls that the policy made in this message. */
  readonly calls?: readonly ToolCall[];
}

/**
 * One sequence of tokens from all authors. Entry t of every array refers to token t of the complete sequence, as in
 * `TrainingSequence`. A single turn is the special case of given tokens followed by one written span.
 *
 * A server that returns no token ids leaves the arrays empty; spans then still count its tokens if the server reports
 * them.
 *
 * @example
 * const { tokens, written: [{ start, end }] } = transcript;
 * const answer = renderer.decode(tokens.subarray(start, end));
 */
export interface Transcript {
  /** Length T. */
  readonly tokens: Int32Array;
  /**
   * Natural log-probability of each written token when it was sampled: full softmax at the sampling temperature, before
   * top-p and top-k; temperature 0 counts as 1. Length T; 0 for given tokens.
   */
  readonly logprobs: Float32Array;
  /**
   * Entropy, in nats, of the distributions behind `logprobs`. Length T; 0 for given tokens. Absent unless
   * measured for every written token.
   */
  readonly entropies?: Float32Array;
  /** Spans that the policy wrote, in order, without overlap. */
  readonly written: readonly Written[];
  /** The same content as messages, for people and verifiers. */
  readonly messages: readonly AuthoredMessage[];
}

/** A given beginning of the answer, after which attempts start. */
export interface Start {
  /**
   * `solution`: part of a known solution; `correct`, `incorrect`: the beginning of one of the policy's own attempts.
   */
  readonly kind: 'solution' | 'correct' | 'incorrect';
  /** The given tokens after the prompt, at least one. They are never learned from. */
  readonly tokens: Int32Array;
  readonly text: string;
}

/** Tokens that the policy adds to a transcript without interruption. */
export interface Continuation extends Omit<Written, 'start' | 'end'> {
  /** Tokens written, including the end token if there is one. Length C. */
  readonly tokens: Int32Array;
  /** Length C. */
  readonly logprobs: Float32Array;
  /** Length C. */
  readonly entropies?: Float32Array | undefined;
}

/** Returns a transcript of given tokens, to which the policy has not yet added anything. */
export const givenTranscript = (messages: readonly Message[], tokens: Int32Array): Transcript => ({
  tokens,
  logprobs: new Float32Array(tokens.length),
  written: [],
  messages: messages.map(({ role, content, images }) => ({
    role,
    content,
    ...(images !== undefined && { images }),
    author: 'problem',
  })),
});

/**
 * Appends the given beginning of the answer to a transcript of the prompt; the policy continues in the same message.
 */
export const startTranscript = (given: Transcript, { tokens, text }: Start): Transcript => ({
  ...given,
  tokens: joinInts(given.tokens, tokens),
  logprobs: joinFloats(given.logprobs, new Float32Array(tokens.length)),
  messages: [...given.messages, { role: 'assistant', content: text, author: 'start' }],
});

/**
 * Appends a span that the policy wrote. A continuation of an unfinished message extends that message: its
 * tokens are decoded together, so that a character split between them is decoded correctly.
 *
 * @param decode tokens → text, without special tokens.
 */
export function extendTranscript(
  given: Transcript,
  { tokens, logprobs, entropies, policyVersion, finishReason }: Continuation,
  decode: (tokens: Int32Array) => string,
): Transcript {
  const start = given.tokens.length;
  const end = start + tokens.length;
  const whole = joinInts(given.tokens, tokens);
  const isUnfinished = given.messages.at(-1)?.author === 'policy';
  const text = decode(isUnfinished ? whole.subarray(startOfTurn(given)) : tokens);
  const before = isUnfinished ? given.messages.slice(0, -1) : given.messages;
  return {
    tokens: whole,
    logprobs: joinFloats(given.logprobs, logprobs),
    ...(entropies !== undefined &&
      (given.entropies !== undefined || given.written.length === 0) && {
        entropies: joinFloats(given.entropies ?? new Float32Array(start), entropies),
      }),
    written: [...given.written, { start, end, policyVersion, finishReason }],
    messages: [...before, { role: 'assistant', content: text, author: 'policy' }],
  };
}

/** Appends tokens from an environment: they have no log-probability and are never learned from. */
export function giveToTranscript(
  transcript: Transcript,
  tokens: Int32Array,
  messages: readonly Message[],
): Transcript {
  const given = new Float32Array(tokens.length);
  const { entropies } = transcript;
  return {
    tokens: joinInts(transcript.tokens, tokens),
    logprobs: joinFloats(transcript.logprobs, given),
    ...(entropies !== undefined && { entropies: joinFloats(entropies, given) }),
    written: transcript.written,
    messages: [
      ...transcript.messages,
      ...messages.map(({ role, content }) => ({ role, content, author: 'environment' as const })),
    ],
  };
}

/**
 * Returns the number of tokens in the policy's message at the end of the transcript; 0 if the last message is not the
 * policy's.
 */
export const openTurnLength = (transcript: Transcript): number =>
  transcript.messages.at(-1)?.author === 'policy' ? transcript.tokens.length - startOfTurn(transcript) : 0;

/** Returns the index at which the policy's last message begins. */
function startOfTurn({ tokens, written }: Transcript): number {
  let start = tokens.length;
  for (const span of written.toReversed()) {
    if (span.end !== start) break;
    start = span.start;
  }
  return start;
}

/** Returns the number of tokens that the policy wrote. */
export const writtenCount = ({ written }: Pick<Transcript, 'written'>): number =>
  written.reduce((sum, { start, end }) => sum + end - start, 0);

/** Returns the length of the prompt: the number of tokens before the first written token. */
export const promptLength = ({ tokens, written }: Pick<Transcript, 'tokens' | 'written'>): number =>
  written[0]?.start ?? tokens.length;

/**
 * Returns the policy's text in its last turn, including a given start but excluding text that an environment inserted;
 * empty if the policy wrote none.
 */
export function lastAnswer({ messages }: Pick<Transcript, 'messages'>): string {
  const last = messages.findLastIndex(({ author }) => author === 'policy');
  const turn: string[] = [];
  for (let at = last; at >= 0; at--) {
    const { author, role, content } = messages[at]!;
    if (author === 'policy' || author === 'start') turn.unshift(content);
    else if (author !== 'environment' || role !== 'assistant') break;
  }
  return turn.join('');
}

function joinInts(head: Int32Array, tail: Int32Array): Int32Array {
  const joined = new Int32Array(head.length + tail.length);
  joined.set(head);
  joined.set(tail, head.length);
  return joined;
}

function joinFloats(head: Float32Array, tail: Float32Array): Float32Array {
  const joined = new Float32Array(head.length + tail.length);
  joined.set(head);
  joined.set(tail, head.length);
  return joined;
}
