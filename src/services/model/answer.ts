import {
  extendTranscript,
  givenTranscript,
  lastAnswer,
  promptLength,
  writtenCount,
} from '../../core/transcript.ts';
import type { Completion, CompletionPart, LocalEngine } from '../../engines/engine.ts';
import { withoutStop } from '../../models/text-pieces.ts';
import { sum } from '../../statistics/summary.ts';
import type { AnswerShape } from './answer-shapes.ts';
import type { CompletionRequest } from './request.ts';
import { scoreTokens, type TokenScore } from './score-tokens.ts';
import type { ChosenCompletion, ServedStrategy } from './served-strategy.ts';

/** A request in flight. */
export interface ActiveRequest {
  readonly engine: LocalEngine;
  readonly request: CompletionRequest;
  readonly shape: AnswerShape;
  /** If present, writes several answers for each returned choice and chooses one. */
  readonly strategy?: ServedStrategy | undefined;
  readonly signal: AbortSignal;
}

/** Samples every completion and returns the choices and the usage of an unstreamed response. */
export async function answerWhole(active: ActiveRequest): Promise<object> {
  const { request } = active;
  const written: Completion[] = [];
  for await (const event of writeCompletions(active)) if (event.type === 'completion') written.push(event);
  active.signal.throwIfAborted();
  const choiceIndex = choiceIndexIn(request);
  written.sort((a, b) => choiceIndex(a) - choiceIndex(b));
  const scores = await scoresOf(active, written);
  return {
    choices: written.map((one, i) => ({
      index: choiceIndex(one),
      ...active.shape.whole(textOf(active, one)),
      ...endOf(active, one, scores?.[i]),
    })),
    usage: usageOf(request, written),
  };
}

/**
 * Yields completions as they finish, preceded by their parts. With `max_tokens: 0`, yields empty completions without
 * sampling.
 */
export async function* writeCompletions(
  { engine, request, strategy, signal }: ActiveRequest,
  parts = false,
): AsyncGenerator<CompletionPart | Completion | ChosenCompletion> {
  const { prompts, sampling } = request;
  if (sampling.maxTokens > 0 && strategy !== undefined) {
    yield* strategy.answer(request, signal);
    return;
  }
  if (sampling.maxTokens > 0) {
    yield* engine.sampler.sample({ prompts, ...sampling, parts }, signal);
    return;
  }
  const nothing = {
    tokens: new Int32Array(0),
    logprobs: new Float32Array(0),
    finishReason: 'length',
    policyVersion: engine.weights.policyVersion,
  } as const;
  for (const { key, prompt, count } of prompts) {
    const transcript = extendTranscript(givenTranscript([], prompt), nothing, () => '');
    for (let index = 0; index < count; index++) yield { type: 'completion', key, index, transcript };
  }
}

/** Returns the index of a completion among the choices, in order of prompts. */
export function choiceIndexIn({
  prompts,
}: CompletionRequest): (one: Pick<Completion, 'key' | 'index'>) => number {
  const { count } = prompts[0]!;
  return ({ key, index }) => Number(key) * count + index;
}

/** Returns the scores of the completions' tokens, or undefined if the request asks for none. */
export async function scoresOf(
  { engine, request }: ActiveRequest,
  completions: readonly Completion[],
): Promise<TokenScore[][] | undefined> {
  return request.alternatives === null ? undefined : scoreTokens(engine, completions, request);
}

/** Returns the text of a choice, with the prompt for `echo` and without the stop string. */
export function textOf(
  { engine, request: { isEchoed, sampling } }: ActiveRequest,
  { transcript }: Completion,
): string {
  const prompt = isEchoed ? engine.renderer.decode(promptOf(transcript)) : '';
  return prompt + withoutStop(lastAnswer(transcript), sampling.stop);
}

const promptOf = (transcript: Completion['transcript']): Int32Array =>
  transcript.tokens.subarray(0, promptLength(transcript));

/** Returns the fields of a finished choice apart from its text. */
export function endOf(
  { request, shape }: ActiveRequest,
  { transcript }: Completion,
  scores: readonly TokenScore[] | undefined,
): object {
  const { finishReason } = transcript.written.at(-1)!;
  return {
    finish_reason: finishReason,
    logprobs: scores === undefined ? null : shape.logprobs(scores),
    ...(request.withTokens && {
      token_ids: Array.from(transcript.tokens.subarray(promptLength(transcript))),
      prompt_token_ids: Array.from(promptOf(transcript)),
    }),
  };
}

/**
 * Returns the usage: tokens of the prompts, each counted once, and of the completions. With a strategy, counts all
 * tokens written, not only those of the chosen answers, and adds the tokens that the scorer read.
 */
export function usageOf(
  { prompts }: CompletionRequest,
  written: readonly (Completion | ChosenCompletion)[],
): Record<string, number> {
  const read = sum(prompts.map(({ prompt }) => prompt.length));
  const wrote = sum(
    written.map((one) => ('spent' in one ? one.spent.written : writtenCount(one.transcript))),
  );
  const chosen = written.filter((one) => 'spent' in one);
  return {
    prompt_tokens: read,
    completion_tokens: wrote,
    total_tokens: read + wrote,
    ...(chosen.length > 0 && { scored_tokens: sum(chosen.map(({ spent }) => spent.scored)) }),
  };
}
