import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';
import type { ScorerParts } from './scorer-parts.ts';
import { openServerScorer, type ScoredAttempt, scorerServer, type ScoringApi } from './scorer-server.ts';

/**
 * A causal model behind `/completions` with `echo` and `logprobs`: after each step it predicts one of two label tokens.
 * Works with vLLM, with `gradus serve model` for a scorer trained with `gradus prm train`, and with Math-Shepherd on
 * any such server.
 */
export const completionsScorerConfig = z.strictObject({
  type: z.literal('completions'),
  ...scorerServer,
  /**
   * `text`: the scorer has its own tokenizer. `tokens`: it shares the policy's tokenizer, which preserves the
   * prompt template and every cut exactly; `stepTag` must then be empty.
   */
  input: z.enum(['text', 'tokens']).default('text'),
  /** Text after each step, where the label is predicted; Math-Shepherd: ` ки`. */
  stepTag: z.string().default(''),
  /** Label tokens, as the server spells them. */
  good: z.string().min(1).default('+'),
  bad: z.string().min(1).default('-'),
});

/** Scores steps with a causal model that predicts a label token after each one. */
export const completionsScorer = noun(completionsScorerConfig);

const completionsResponse = z.object({
  choices: z
    .array(
      z.object({
        logprobs: z.object({
          text_offset: z.array(z.number()),
          top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
        }),
      }),
    )
    .length(1),
});

/** Number of alternatives requested per token: vLLM's default limit. */
const alternatives = 20;

/** Opens a causal scorer behind `/completions`; see `openServerScorer`. */
export function openCompletionsScorer(
  config: z.output<typeof completionsScorerConfig>,
  { renderer }: Pick<ScorerParts, 'renderer'>,
): Promise<StepScorer> {
  const { good, bad, input, stepTag } = config;
  const textOf = ({ prompt, steps }: ScoredAttempt): string =>
    `${prompt.map(({ content }) => content).join('\n')}\n${steps.map((step) => tagged(step, stepTag)).join('')}`;
  const api: ScoringApi<z.output<typeof completionsResponse>> = {
    endpoint: '/completions',
    body: (attempt) => ({
      prompt: input === 'tokens' ? Array.from(attempt.tokens) : textOf(attempt),
      // The label of the last step is predicted after the prompt, so one token must be requested.
      max_tokens: 1,
      temperature: 0,
      echo: true,
      logprobs: alternatives,
    }),
    response: completionsResponse,
    scores: ({ choices: [choice] }, attempt) => {
      const { text_offset: offsets, top_logprobs: tops } = choice!.logprobs;
      const places =
        input === 'tokens'
          ? attempt.ends
          : labelOffsets(attempt, textOf, stepTag).map((offset) => offsets.findIndex((one) => one >= offset));
      const scores = places.map((place) => {
        const top = tops[place] ?? {};
        const [p, q] = [good, bad].map((label) => Math.exp(top[label] ?? -Infinity)) as [number, number];
        return p / (p + q);
      });
      const missing = scores.findIndex((score) => !Number.isFinite(score));
      return missing === -1
        ? scores
        : `expected "${good}" or "${bad}" among the ${alternatives} most probable tokens after step ${missing + 1}, got ${JSON.stringify(tops[places[missing]!] ?? null)}`;
    },
    swap: `good: ${JSON.stringify(bad)}, bad: ${JSON.stringify(good)}`,
  };
  return openServerScorer(config, renderer, api);
}

/** Inserts the tag at the end of a step, before its trailing white space. */
function tagged(step: string, tag: string): string {
  const end = step.trimEnd().length;
  return tag === '' ? step : step.slice(0, end) + tag + step.slice(end);
}

/** Returns the offset of the text after each step's tag. */
function labelOffsets(
  attempt: ScoredAttempt,
  textOf: (attempt: ScoredAttempt) => string,
  stepTag: string,
): number[] {
  return attempt.steps.map((step, at) => {
    const upTo = textOf({ ...attempt, steps: attempt.steps.slice(0, at + 1) });
    return stepTag === '' ? upTo.length : upTo.length - (step.length - step.trimEnd().length);
  });
}
