import type { Message } from '../core/problem.ts';
import type { Transcript } from '../core/transcript.ts';
import type { Engine } from '../engines/engine.ts';
import { createTextPieces, type TextPieces } from './text-pieces.ts';

/** Options of `ask`. */
export interface AskOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly maxTokens: number;
  /** The same seed gives the same answers. */
  readonly seed: number;
  /** Number of answers. Default 1. */
  readonly count?: number;
  /** Key of the random numbers, besides the seed. Default `ask`. */
  readonly key?: string;
  /** Also stream text before an answer ends, on engines that support it. Default false. */
  readonly parts?: boolean;
}

/** Text of an unfinished answer since its last part. */
export interface TextPart {
  readonly type: 'part';
  readonly index: number;
  readonly text: string;
}

/** A finished answer: the last message of the transcript. */
export interface Answered {
  readonly type: 'answer';
  readonly index: number;
  readonly transcript: Transcript;
  /** Text after the last part. */
  readonly rest: string;
}

/**
 * Samples answers to a conversation; yields each when it ends. Aborting the signal ends the stream;
 * unfinished answers are dropped.
 */
export async function* ask(
  { sampler, renderer }: Pick<Engine, 'sampler' | 'renderer'>,
  conversation: readonly Message[],
  { count = 1, key = 'ask', parts = false, ...sampling }: AskOptions,
  signal?: AbortSignal,
): AsyncGenerator<TextPart | Answered> {
  const pieces = new Map<number, TextPieces>();
  const request = { ...sampling, prompts: [{ key, prompt: conversation, count }], parts };
  for await (const event of sampler.sample(request, signal)) {
    const { index } = event;
    if (event.type === 'completion') {
      const { transcript } = event;
      const text = transcript.messages.at(-1)!.content;
      yield { type: 'answer', index, transcript, rest: pieces.get(index)?.end(text) ?? text };
    } else if (renderer !== undefined) {
      const shown = pieces.get(index) ?? createTextPieces(renderer, []);
      pieces.set(index, shown);
      const text = shown.add(event.tokens);
      if (text !== '') yield { type: 'part', index, text };
    }
  }
}
