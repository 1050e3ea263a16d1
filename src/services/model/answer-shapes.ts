import type { TokenScore } from './score-tokens.ts';

/** The response format of one kind of completion in OpenAI's API. */
export interface AnswerShape {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** Returns the fields for the text of a finished choice. */
  whole(text: string): object;
  /**
   * Returns the fields for a piece of a choice's text in a stream; `isFirst` is true for the first piece of a choice.
   */
  piece(text: string, isFirst: boolean): object;
  logprobs(scores: readonly TokenScore[]): object;
}

/** Format of chat completions: `chat.completion`. */
export const chatShape: AnswerShape = {
  idPrefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  whole: (content) => ({ message: { role: 'assistant', content } }),
  piece: (content, isFirst) => ({ delta: isFirst ? { role: 'assistant', content } : { content } }),
  logprobs: (scores) => ({
    content: scores.map(({ name, logprob, alternatives }) => ({
      ...chatEntry(name, logprob ?? 0),
      top_logprobs: alternatives.map((other) => chatEntry(other.name, other.logprob)),
    })),
  }),
};

/** Format of plain completions: `text_completion`. */
export const textShape: AnswerShape = {
  idPrefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  whole: (text) => ({ text }),
  piece: (text) => ({ text }),
  logprobs: (scores) => ({
    tokens: scores.map(({ name }) => name),
    token_logprobs: scores.map(({ logprob }) => logprob),
    top_logprobs: scores.map(topByName),
    text_offset: scores.map(({ offset }) => offset),
  }),
};

const chatEntry = (name: string, logprob: number): object => ({
  token: name,
  logprob,
  bytes: name.startsWith('token_id:') ? null : [...Buffer.from(name)],
});

/**
 * Returns the log-probabilities of the alternatives and the sampled token, by name. If two tokens have the same name,
 * returns the higher value.
 */
function topByName({ name, logprob, alternatives }: TokenScore): Record<string, number> | null {
  if (logprob === null) return null;
  const entries = [...alternatives, { name, logprob }].map((one) => [one.name, one.logprob] as const);
  return Object.fromEntries(entries.toSorted((a, b) => a[1] - b[1]));
}
