import { VerifierError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { countOf } from '../core/text/count.ts';
import type { Transcript } from '../core/transcript.ts';

/**
 * Scores the steps of an attempt. Implementations are process reward models, the policy's confidence, a verifier as an
 * oracle, and synthetic scorers in tests.
 *
 * @example
 * const scores = await scoreSteps(scorer, problem, transcript, [57, 80, 96]); // e.g. [0.9, 0.7, null]
 */
export interface StepScorer {
  readonly name: string;
  /**
   * Which tokens the scorer reads to compute a score. `none`: it runs no model. `new`: those since the last scored
   * step, because the model keeps its prefix. `all`: the entire transcript.
   */
  readonly reads: 'none' | 'new' | 'all';
  /** True for a scorer of finished answers, for which every rule that combines step scores gives the same result. */
  readonly lastStepOnly?: true;
  /**
   * Returns one score in [0, 1] per step, higher for better steps; null for a step that it cannot score.
   *
   * @param ends exclusive ends of the steps in `transcript.tokens`, ascending.
   * @param earlier ends of the earlier steps, which are already scored.
   */
  score(
    problem: Problem,
    transcript: Transcript,
    ends: readonly number[],
    signal?: AbortSignal,
    earlier?: readonly number[],
  ): Promise<readonly (number | null)[]>;
}

/**
 * Scores steps and checks the result.
 *
 * @throws VerifierError naming problem and step if a score is missing or outside [0, 1]; such a score must not count as
 * 0.
 */
export async function scoreSteps(
  scorer: StepScorer,
  problem: Problem,
  transcript: Transcript,
  ends: readonly number[],
  signal?: AbortSignal,
  earlier: readonly number[] = [],
): Promise<readonly (number | null)[]> {
  const scores = await scorer.score(problem, transcript, ends, signal, earlier);
  const where = `step scorer ${scorer.name}, problem ${problem.id}`;
  if (scores.length !== ends.length)
    throw new VerifierError(
      `${where}: expected ${countOf(ends.length, 'score')}, one per step, got ${scores.length}`,
    );
  const bad = scores.findIndex((score) => score !== null && !(score >= 0 && score <= 1));
  if (bad !== -1)
    throw new VerifierError(
      `${where}, step ${bad + 1}: expected a score in [0, 1] or null, got ${scores[bad]}`,
    );
  return scores;
}
