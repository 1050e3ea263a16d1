import { EnvironmentError } from '../core/errors.ts';
import type { Message } from '../core/problem.ts';
import type { Transcript } from '../core/transcript.ts';
import type { Engine } from '../engines/engine.ts';
import type { CallTool, Environment } from '../environments/environment.ts';
import type { StrategyParts } from '../rollout/strategies/strategy.ts';
import { turns as inTurns } from '../rollout/strategies/turns.ts';
import { createTextPieces, type TextPieces } from './text-pieces.ts';

/** Options of `ask`. */
export interface AskOptions {
  /** Sampling temperature; 0 is greedy. */
  readonly temperature: number;
  readonly maxTokens: number;
  /** The same seed gives the same answers. */
  readonly seed: number;
  /** Number of answers. Default 1. */
  readonly count?: number;
  /** Key that determines the random numbers, together with the seed. Default `ask`. */
  readonly key?: string;
  /** Also stream text before an answer ends, on engines that support it. Default false. */
  readonly parts?: boolean;
}

/** The text of an unfinished answer that follows its last part. */
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
  /** Text after the last part; for an answer in turns, the entire text. */
  readonly rest: string;
  /** Message of the environment's failure that ended the answer; absent if it did not fail. */
  readonly failure?: string;
}

/** The model that answers, and the environment that answers its turns. */
export interface Respondent extends Pick<Engine, 'sampler' | 'renderer'> {
  /** If absent, every answer has one turn. */
  readonly turns?: { readonly environment: Environment; readonly call: CallTool } | undefined;
}

/**
 * Samples answers to a conversation and yields each as it finishes. Aborting the signal ends the stream and drops
 * unfinished answers. Answers in turns are not streamed in parts.
 */
export async function* ask(
  respondent: Respondent,
  conversation: readonly Message[],
  options: AskOptions,
  signal?: AbortSignal,
): AsyncGenerator<TextPart | Answered> {
  const { sampler, renderer, turns } = respondent;
  const { count = 1, key = 'ask', parts = false, ...sampling } = options;
  if (turns !== undefined) {
    yield* askInTurns({ sampler, ...(renderer && { renderer }) }, turns, conversation, options, signal);
    return;
  }
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

async function* askInTurns(
  engine: StrategyParts['engine'],
  { environment, call }: NonNullable<Respondent['turns']>,
  prompt: readonly Message[],
  { count = 1, key = 'ask', temperature, maxTokens, seed }: AskOptions,
  signal?: AbortSignal,
): AsyncGenerator<Answered> {
  const problem = { id: key, domain: environment.name, source: 'prompt', prompt };
  const request = { rollouts: count, temperature, maxTokens, seed };
  const strategy = inTurns(environment, call);
  for await (const attempt of strategy.roll({ engine }, [problem], request, signal)) {
    const { index, transcripts, failure } = attempt;
    const transcript = transcripts.at(-1);
    if (transcript === undefined) throw new EnvironmentError(failure ?? `${environment.name}: no attempt`);
    yield {
      type: 'answer',
      index,
      transcript,
      rest: textOfTurns(transcript),
      ...(failure !== undefined && { failure }),
    };
  }
}

/** Returns all turns after the prompt as one string, with the environment's messages on separate lines. */
export const textOfTurns = ({ messages }: Pick<Transcript, 'messages'>): string =>
  messages
    .filter(({ author }) => author !== 'problem')
    .map(({ role, content }) => (role === 'assistant' ? content : `\n[${role}] ${content}\n`))
    .join('');
