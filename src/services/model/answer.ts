import type { Completion, Engine } from '../../engines/engine.ts';
import { sum } from '../../statistics/summary.ts';
import type { AnswerShape } from './answer-shapes.ts';
import type { CompletionRequest } from './request.ts';
import { scoreTokens, type TokenScore } from './score-tokens.ts';
import { withoutStop } from './text-pieces.ts';

/** A request in progress. */
export interface Answering {
  readonly engine: Engine;
  readonly request: CompletionRequest;
  readonly shape: AnswerShape;
  readonly signal: AbortSignal;
}

/** Samples every completion and returns the choices and the usage of an unstreamed response. */
export async function answerWhole(answering: Answering): Promise<object> {
  const { request } = answering;
  const written: Completion[] = [];
  for await (const completion of writeCompletions(answering)) written.push(completion);
  answering.signal.throwIfAborted();
  const choiceIndex = choiceIndexIn(request);
  written.sort((a, b) => choiceIndex(a) - choiceIndex(b));
  const scores = await scoresOf(answering, written);
  return {
    choices: written.map((one, i) => ({
      index: choiceIndex(one),
      ...answering.shape.whole(textOf(answering, one)),
      ...endOf(answering, one, scores?.[i]),
    })),
    usage: usageOf(request, written),
  };
}

/** Yields completions as they finish. With `max_tokens: 0`, yields empty ones at once. */
export async function* writeCompletions(
  { engine, request: { prompts, sampling }, signal }: Answering,
  onPart?: NonNullable<Parameters<Engine['sample']>[0]['onPart']>,
): AsyncGenerator<Completion> {
  if (sampling.maxTokens > 0) {
    yield* engine.sample({ prompts, ...sampling, ...(onPart && { onPart }) }, signal);
    return;
  }
  for (const { key, prompt, count } of prompts) {
    for (let index = 0; index < count; index++) {
      yield {
        key,
        index,
        promptTokens: prompt,
        tokens: new Int32Array(0),
        rolloutLogprobs: new Float32Array(0),
        text: '',
        finishReason: 'length',
        policyVersion: engine.info.policyVersion,
      };
    }
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
  { engine, request }: Answering,
  completions: readonly Completion[],
): Promise<TokenScore[][] | undefined> {
  return request.alternatives === null ? undefined : scoreTokens(engine, completions, request);
}

/** Returns the text of a choice: with the prompt for `echo`, without the stop string. */
export function textOf(
  { engine, request: { isEchoed, sampling } }: Answering,
  { promptTokens, text }: Completion,
): string {
  return (isEchoed ? engine.decode(promptTokens) : '') + withoutStop(text, sampling.stop);
}

/** Returns the fields of a finished choice besides its text. */
export function endOf(
  { request, shape }: Answering,
  { finishReason, promptTokens, tokens }: Completion,
  scores: readonly TokenScore[] | undefined,
): object {
  return {
    finish_reason: finishReason,
    logprobs: scores === undefined ? null : shape.logprobs(scores),
    ...(request.withTokens && { token_ids: Array.from(tokens), prompt_token_ids: Array.from(promptTokens) }),
  };
}

/** Returns the usage: tokens of the prompts, each counted once, and of the completions. */
export function usageOf(
  { prompts }: CompletionRequest,
  written: readonly Pick<Completion, 'tokens'>[],
): Record<string, number> {
  const read = sum(prompts.map(({ prompt }) => prompt.length));
  const wrote = sum(written.map(({ tokens }) => tokens.length));
  return { prompt_tokens: read, completion_tokens: wrote, total_tokens: read + wrote };
}
