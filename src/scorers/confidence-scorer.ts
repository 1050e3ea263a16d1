import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { promptLength } from '../core/transcript.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';

/** The policy's own confidence as a scorer. It costs nothing, because sampling has already computed it. */
export const confidenceScorerConfig = z.strictObject({ type: z.literal('confidence') });

/** Scores a step by the geometric mean of the policy's probabilities of its tokens. */
export const confidenceScorer = noun(confidenceScorerConfig);

/**
 * Opens the confidence scorer. The score of a step is exp of the mean log-probability of its sampled tokens, in (0, 1].
 * Needs neither training nor a second pass. Returns null for transcripts without log-probabilities, which some model
 * servers return.
 */
export const openConfidenceScorer = (): StepScorer => ({
  name: 'confidence',
  reads: 'none',
  score: (_, transcript, ends, __, earlier = []) => {
    const { logprobs } = transcript;
    const start = promptLength(transcript);
    if (logprobs.subarray(start).every((logprob) => logprob === 0))
      return Promise.resolve(ends.map(() => null));
    const starts = [earlier.at(-1) ?? start, ...ends];
    return Promise.resolve(
      ends.map((end, at) => {
        const step = logprobs.subarray(starts[at], end);
        return Math.min(1, Math.exp(step.reduce((sum, logprob) => sum + logprob, 0) / step.length));
      }),
    );
  },
});
