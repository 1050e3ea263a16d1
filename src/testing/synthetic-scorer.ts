import type { Problem } from '../core/problem.ts';
import { hashKey, uniformAt } from '../core/rng.ts';
import type { Transcript } from '../core/transcript.ts';
import { normalQuantile } from '../statistics/intervals.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';

/** A step scorer of known quality. */
export interface SyntheticScorerOptions {
  /** Area under the ROC curve: the probability that a correct prefix scores above a wrong one, in (0.5, 1). */
  readonly auc: number;
  /** Returns whether the answer is correct up to token `end`. */
  readonly isRight: (problem: Problem, transcript: Transcript, end: number) => boolean;
  readonly seed: number;
}

/**
 * Creates a scorer that observes the truth with normally distributed noise: score = σ(±1 + s · z), with z drawn once
 * per prefix. Two normal distributions with means ±1 and deviation s have AUC = Φ(√2 / s), hence s = √2 / Φ⁻¹(AUC).
 * Equal prefixes have equal scores. The noise of different prefixes is independent, so averaging over steps helps this
 * scorer more than a trained one.
 */
export function syntheticScorer({ auc, isRight, seed }: SyntheticScorerOptions): StepScorer {
  const deviation = Math.SQRT2 / normalQuantile(auc);
  const score = (problem: Problem, transcript: Transcript, end: number): number => {
    const key = hashKey(seed, 'synthetic scorer', problem.id, transcript.tokens.subarray(0, end).join(' '));
    const noise = normalQuantile(Math.max(uniformAt(key, 0), 2 ** -33));
    const truth = isRight(problem, transcript, end) ? 1 : -1;
    return 1 / (1 + Math.exp(-(truth + deviation * noise)));
  };
  return {
    name: `synthetic (AUC ${auc})`,
    reads: 'none',
    score: (problem, transcript, ends) => Promise.resolve(ends.map((end) => score(problem, transcript, end))),
  };
}
