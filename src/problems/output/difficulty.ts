import type { Problem } from '../../core/problem.ts';
import { betaInterval, type Interval } from '../../statistics/intervals.ts';

/** A problem's difficulty for one model, as exported. */
export interface KnownDifficulty {
  readonly model: string;
  readonly successes: number;
  readonly trials: number;
  /** 95 % interval of the pass rate. */
  readonly interval: Interval;
  /** Names of the problem's levels; absent if levels were not computed. */
  readonly levels?: readonly string[];
}

/** Looks up a problem's difficulty; `undefined` if unknown. */
export type DifficultyOf = (problem: Problem) => KnownDifficulty | undefined;

/**
 * Returns a lookup of the pass rates given in the problems' sources.
 *
 * @param model the model whose pass rates to use; default: the first pass rate given for each problem.
 */
export function statedDifficulty(model?: string): DifficultyOf {
  // Cache intervals: many problems share the same counts, and a Beta quantile is expensive.
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
