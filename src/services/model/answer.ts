import type { Completion, Engine } from '../../engines/engine.ts';
import type { AnswerShape } from './answer-shapes.ts';
import type { Asked } from './request.ts';
import { scoreTokens, type TokenScore } from './score-tokens.ts';
import { withoutStop } from './text-pieces.ts';

/** Everything an answer is made from. */
export interface Answering {
  readonly engine: Engine;
  readonly asked: Asked;
  readonly shape: AnswerShape;
  readonly signal: AbortSignal;
}

/** The choices and the usage of a whole answer. */
export async function answerWhole(answering: Answering): Promise<object> {
  const { asked } = answering;
  const written: Completion[] = [];
  for await (const completion of writeCompletions(answering)) written.push(completion);
  answering.signal.throwIfAborted();
  const placeOf = placesIn(asked);
  written.sort((a, b) => placeOf(a) - placeOf(b));
  const scores = await scoresOf(answering, written);
  return {
    choices: written.map((one, i) => ({
      index: placeOf(one),
      ...answering.shape.whole(textOf(answering, one)),
      ...endOf(answering, one, scores?.[i]),
    })),
    usage: usageOf(asked, written),
  };
}

/** Completions as they end. Where nothing is to be written they are there at once. */
export async function* writeCompletions(
  { engine, asked: { prompts, sampling }, signal }: Answering,
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

/** The place of a completion among the choices: those of the first prompt first. */
export function placesIn({ prompts }: Asked): (one: Pick<Completion, 'key' | 'index'>) => number {
  const { count } = prompts[0]!;
  return ({ key, index }) => Number(key) * count + index;
}

export async function scoresOf(
  { engine, asked }: Answering,
  completions: readonly Completion[],
): Promise<TokenScore[][] | undefined> {
  return asked.alternatives === null ? undefined : scoreTokens(engine, completions, asked);
}

/** The text of a choice, as it is sent. */
export function textOf(
  { engine, asked: { isEchoed, sampling } }: Answering,
  { promptTokens, text }: Completion,
): string {
  return (isEchoed ? engine.decode(promptTokens) : '') + withoutStop(text, sampling.stop);
}

/** What stands beside the text of a choice once that is whole. */
export function endOf(
  { asked, shape }: Answering,
  { finishReason, promptTokens, tokens }: Completion,
  scores: readonly TokenScore[] | undefined,
): object {
  return {
    finish_reason: finishReason,
    logprobs: scores === undefined ? null : shape.logprobs(scores),
    ...(asked.withTokens && { token_ids: Array.from(tokens), prompt_token_ids: Array.from(promptTokens) }),
  };
}

/** What was read, each prompt once, and what was written. */
export function usageOf(
  { prompts }: Asked,
  written: readonly Pick<Completion, 'tokens'>[],
): Record<string, number> {
  const read = prompts.reduce((sum, { prompt }) => sum + prompt.length, 0);
  const wrote = written.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return { prompt_tokens: read, completion_tokens: wrote, total_tokens: read + wrote };
}
