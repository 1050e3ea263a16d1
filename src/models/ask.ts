import type { Message } from '../core/problem.ts';
import type { Transcript } from '../core/transcript.ts';
import type { Engine } from '../engines/engine.ts';
import { createTextPieces, type TextPieces } from './text-pieces.ts';

/** How a model is asked. */
export interface AskOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly maxTokens: number;
  /** The same seed gives the same answers. */
  readonly seed: number;
  /** Answers. Default 1. */
  readonly count?: number;
  /** Names the random numbers, with the seed. Default `ask`. */
  readonly key?: string;
  /** Also stream text before an answer ends, from engines that can. Default false. */
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
  /** What no part has shown yet. */
  readonly rest: string;
}

/**
 * Asks a model for answers to a conversation, each yielded as soon as it ends. Aborting the signal ends the stream;
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
