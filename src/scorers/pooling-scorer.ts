import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { countOf } from '../core/text/count.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';
import type { ScorerParts } from './scorer-parts.ts';
import { openServerScorer, scorerServer, type ScoringApi } from './scorer-server.ts';

/**
 * A process reward model behind vLLM's `/pooling`, such as Qwen2.5-Math-PRM: it classifies the tag after each step. A
 * causal model such as Math-Shepherd needs `--pooler-config '{"pooling_type": "STEP", "step_tag_id": …,
 * "returned_token_ids": [good, bad]}'` and `goodClass: 0`.
 */
export const poolingScorerConfig = z.strictObject({
  type: z.literal('pooling'),
  ...scorerServer,
  /** Special token that ends a step. */
  stepTag: z.string().min(1).default('<extra_0>'),
  /** Index of the class for correct steps. */
  goodClass: z.int().min(0).default(1),
});

/** Scores steps with a process reward model behind vLLM's `/pooling`. */
export const poolingScorer = noun(poolingScorerConfig);

/** The response: one row of class probabilities per step tag. */
const poolingResponse = z.object({
  data: z.array(z.object({ data: z.array(z.array(z.number()).min(1)) })).length(1),
});

/** Opens a process reward model behind vLLM's `/pooling`; see `openServerScorer`. */
export function openPoolingScorer(
  config: z.output<typeof poolingScorerConfig>,
  { renderer }: Pick<ScorerParts, 'renderer'>,
): Promise<StepScorer> {
  const { stepTag, goodClass } = config;
  const api: ScoringApi<z.output<typeof poolingResponse>> = {
    endpoint: '/pooling',
    body: ({ prompt, steps }) => ({
      messages: [
        ...prompt.map(({ role, content }) => ({ role, content })),
        { role: 'assistant', content: steps.map((step) => step.trimEnd() + stepTag).join('') },
      ],
      task: 'token_classify',
    }),
    response: poolingResponse,
    scores: ({ data: [item] }, { steps }) => {
      const rows = item!.data;
      if (rows.length !== steps.length)
        return `expected ${countOf(steps.length, 'score')}, one per "${stepTag}", got ${rows.length}; check that the tag is a single token of this model and that the server uses STEP pooling`;
      const bad = rows.find((row) => !isDistribution(row));
      if (bad !== undefined)
        return `expected class probabilities, got ${JSON.stringify(bad)}; start the server with softmax in its pooler config`;
      if (rows.some((row) => goodClass >= row.length))
        return `expected more than ${goodClass} classes for goodClass ${goodClass}, got ${rows[0]!.length}`;
      return rows.map((row) => row[goodClass]!);
    },
    swap: `goodClass: ${goodClass === 1 ? 0 : 1}`,
  };
  return openServerScorer(config, renderer, api);
}

/** Returns whether probabilities sum to 1, within half-precision rounding; a single probability may have any value. */
const isDistribution = (row: readonly number[]): boolean =>
  row.every((value) => value >= 0 && value <= 1) &&
  (row.length === 1 || Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 0.02);
