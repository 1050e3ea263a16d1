import type { Problem } from '../core/problem.ts';
import { lastAnswer } from '../core/transcript.ts';
import type { StepScorer } from './step-scorer.ts';
import type { Verifier } from './verifier.ts';

/**
 * A verifier as step scorer: scores the last step with the verdict of the whole answer, 1 for `correct` and its partial
 * score otherwise, and no step before. It knows the right answer: an upper bound, not a strategy to deploy.
 */
export const verifierScorer = (verifierFor: (problem: Problem) => Verifier): StepScorer => ({
  name: 'verifier',
  reads: 'none',
  score: async (problem, transcript, ends, signal) => {
    const { tokens } = transcript;
    const verdict =
      ends.at(-1) === tokens.length
        ? await verifierFor(problem).verify(problem, lastAnswer(transcript), signal, transcript)
        : null;
    const score = verdict === null || verdict.outcome === 'ungradable' ? null : verdict.score;
    return ends.map((end) => (end === tokens.length ? score : null));
  },
});
