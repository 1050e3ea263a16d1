import type { Message } from '../core/problem.ts';
import { hashKey } from '../core/rng.ts';
import type { FinishReason } from '../core/rollout.ts';
import { flattenTokens } from '../engines/requests/flatten-tokens.ts';
import type { Engine } from '../engines/engine.ts';

/** How a model writes. */
export interface WritingOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly maxTokens: number;
  /** The same seed writes the same. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** One finished answer. */
export interface WrittenText {
  readonly index: number;
  readonly text: string;
  readonly tokens: number;
  readonly finishReason: FinishReason;
}

type Writer = Pick<Engine, 'info' | 'encode' | 'decode' | 'sample'>;

/** Answers a conversation `count` times, each answer as soon as it is finished. */
export async function* writeAnswers(
  engine: Writer,
  conversation: readonly Message[],
  { count, signal, ...sampling }: WritingOptions & { readonly count: number },
): AsyncGenerator<WrittenText> {
  const prompts = [{ key: 'sample', prompt: conversation, count }];
  for await (const { index, text, tokens, tokenCount, finishReason } of engine.sample(
    { prompts, ...sampling },
    signal,
  ))
    yield { index, text, tokens: tokenCount ?? tokens.length, finishReason };
  signal?.throwIfAborted();
}

/** Tokens written between two looks: an engine hands out whole completions, so a long answer is asked for in parts. */
const partTokens = 16;

/**
 * Answers a conversation once, piece by piece for people to read along. Stops early, without an error, when the signal
 * is aborted or the model's window is full.
 */
export async function* streamAnswer(
  engine: Writer,
  conversation: readonly Message[],
  { maxTokens, seed, temperature, signal }: WritingOptions,
): AsyncGenerator<string> {
  const prompt = engine.encode(conversation);
  const room = Math.min(maxTokens, engine.info.maxSequenceTokens - prompt.length - 1);
  let written: number[] = [];
  let shown = 0;
  let isFinished = false;
  while (!isFinished && written.length < room) {
    const limit = Math.min(partTokens, room - written.length);
    const prompts = [{ key: 'chat', prompt: flattenTokens([prompt, written]), count: 1 }];
    const request = { prompts, temperature, maxTokens: limit, seed: hashKey(seed, 'chat', written.length) };
    isFinished = true;
    for await (const { tokens, finishReason } of engine.sample(request, signal)) {
      written = [...written, ...tokens];
      isFinished = finishReason !== 'length';
    }
    const text = wholeCharacters(engine.decode(Int32Array.from(written)), isFinished);
    yield text.slice(shown);
    shown = text.length;
  }
}

/** A character of several tokens decodes to replacement marks until its last token is there. */
const wholeCharacters = (text: string, isFinished: boolean): string =>
  isFinished ? text : text.replace(/\uFFFD+$/, '');
