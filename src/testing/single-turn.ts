import type { Message } from '../core/problem.ts';
import {
  extendTranscript,
  type FinishReason,
  givenTranscript,
  lastAnswer,
  type Transcript,
} from '../core/transcript.ts';
import { type Completion, completionsOf, type Engine, type SampleRequest } from '../engines/engine.ts';

/** One prompt and one answer as separate fields. */
export interface SingleTurn {
  readonly promptTokens: Int32Array;
  /** The answer's tokens; entry t of each of the two arrays below refers to token t. */
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly entropies?: Float32Array | undefined;
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly policyVersion: number;
}

/**
 * Builds a transcript of one prompt and one answer, for tests. Omitted lists are empty, the finish reason defaults to
 * `stop`, the version to 0, and log-probabilities to −0.5.
 *
 * @example
 * const transcript = singleTurn({ promptTokens: Int32Array.of(1, 2), tokens: Int32Array.of(7), text: '7' });
 */
export function singleTurn(
  {
    promptTokens = new Int32Array(0),
    tokens = new Int32Array(0),
    logprobs = new Float32Array(tokens.length).fill(-0.5),
    entropies,
    text = '',
    finishReason = 'stop',
    policyVersion = 0,
  }: Partial<SingleTurn>,
  messages: readonly Message[] = [],
): Transcript {
  const written = { tokens, logprobs, entropies, finishReason, policyVersion };
  return extendTranscript(givenTranscript(messages, promptTokens), written, () => text);
}

/** Splits off the last turn of a transcript. */
export function lastTurn({ tokens, logprobs, entropies, written, messages }: Transcript): SingleTurn {
  const { start, end, finishReason, policyVersion } = written.at(-1)!;
  return {
    promptTokens: tokens.slice(0, start),
    tokens: tokens.slice(start, end),
    logprobs: logprobs.slice(start, end),
    entropies: entropies?.slice(start, end),
    text: lastAnswer({ messages }),
    finishReason,
    policyVersion,
  };
}

/** The last turn of a finished completion, with the key and index of the completion. */
export type SampledTurn = SingleTurn & Pick<Completion, 'key' | 'index'>;

/** Samples completions and splits off the last turn of each. */
export async function* sampleTurns(
  { sampler }: { readonly sampler: Pick<Engine['sampler'], 'sample'> },
  request: SampleRequest,
  signal?: AbortSignal,
): AsyncGenerator<SampledTurn> {
  for await (const { key, index, transcript } of completionsOf(sampler.sample(request, signal)))
    yield { key, index, ...lastTurn(transcript) };
}
