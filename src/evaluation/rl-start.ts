import { type Estimate, wilsonInterval } from '../statistics/intervals.ts';
import type { Evaluation } from './evaluate.ts';

/**
 * Readiness of a model for reinforcement learning: two values that predict the result of RL even where accuracy and
 * loss after supervised learning do not (Kang et al. 2025, arXiv 2510.01624).
 */
export interface RlStart {
  /** Attempts per problem, to compare with the group size. */
  readonly attempts: number;
  /** Share of problems solved at least once in this many attempts, in [0, 1]. */
  readonly passAt: number;
  /**
   * Share of problems solved sometimes but not always, whose groups have a learning signal, with its 95 % Wilson
   * interval.
   */
  readonly learnable: Estimate;
}

/** Computes both values over the problems with at least two attempts; null if there are none. */
export function rlStart({ problems, overall }: Pick<Evaluation, 'problems' | 'overall'>): RlStart | null {
  const attempts = Math.max(0, ...Object.keys(overall.passAt).map(Number));
  const judged = problems.filter(({ trials }) => trials >= 2);
  if (attempts < 2 || judged.length === 0) return null;
  const sometimes = judged.filter(({ correct, trials }) => correct > 0 && correct < trials).length;
  const learnable = { mean: sometimes / judged.length, ...wilsonInterval(sometimes, judged.length) };
  return { attempts, passAt: overall.passAt[attempts]!, learnable };
}
