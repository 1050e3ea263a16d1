import type { Problem } from '../../core/problem.ts';
import { betaInterval, type Interval } from '../../statistics/intervals.ts';

/** What is written beside a problem of how hard it is, for one model. */
export interface KnownDifficulty {
  readonly model: string;
  readonly successes: number;
  readonly trials: number;
  /** Holds the pass rate with 95 % confidence. */
  readonly interval: Interval;
  /** Names of the levels that the problem is in; absent: nobody asked. */
  readonly levels?: readonly string[];
}

/** Looks up a problem's difficulty; `undefined` where it is not known. */
export type DifficultyOf = (problem: Problem) => KnownDifficulty | undefined;

/**
 * Difficulty as the problems' sources state it.
 * @param model whose pass rates; absent: the first that a problem has.
 */
export function statedDifficulty(model?: string): DifficultyOf {
  // A hundred thousand problems share a few hundred counts, and a Beta quantile is not cheap.
  const intervals = new Map<string, Interval>();
  return ({ passRates }) => {
    const stated = passRates?.find((one) => model === undefined || one.model === model);
    if (stated === undefined) return undefined;
    const key = `${stated.successes}/${stated.trials}`;
    const interval = intervals.get(key) ?? betaInterval(stated.successes, stated.trials);
    intervals.set(key, interval);
    return { ...stated, interval };
  };
}
