import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import type { Problem } from '../core/problem.ts';
import { lastAnswer } from '../core/transcript.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';
import type { Verifier } from '../verifiers/verifier.ts';

/** Uses the verifier as a scorer of answers: an oracle. */
export const verifierScorerConfig = z.strictObject({ type: z.literal('verifier') });

/** Scores answers by their verdict, which shows what a perfect scorer would choose. */
export const verifierScorer = noun(verifierScorerConfig);

/**
 * Opens a verifier as a step scorer. It scores only the last step, by the verdict on the complete answer: 1 for `correct`,
 * else the partial score. The verifier knows the correct answer, so the result is an upper bound, not a strategy to
 * deploy.
 */
export const openVerifierScorer = (verifierFor: (problem: Problem) => Verifier): StepScorer => ({
  name: 'verifier',
  reads: 'none',
  lastStepOnly: true,
  score: async (problem, transcript, ends, signal) => {
    const { tokens } = transcript;
    if (ends.at(-1) !== tokens.length) return ends.map(() => null);
    const verifier = verifierFor(problem);
    const verdict = await verifier.verify(problem, lastAnswer(transcript), signal, transcript);
    const score = verdict.outcome === 'ungradable' ? null : verdict.score;
    return ends.map((end) => (end === tokens.length ? score : null));
  },
});
