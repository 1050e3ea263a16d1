import type { LevelOdds } from './level-odds.ts';

/** Forecast of a level's size after `horizon` attempts at every problem. */
export interface LevelForecast {
  /** Number of problems that the level accepts with the current trials. */
  readonly taken: number;
  /** Expected number of problems, and a 95 % range for it. */
  readonly expected: number;
  readonly low: number;
  readonly high: number;
  /** Accepted problems that belong to the level with a probability of at least 95 %. */
  readonly certain: number;
  /** Problems that belong to the level with a probability of 5 to 95 %. */
  readonly open: number;
  /** Expected numbers of problems that enter the level and that leave it. */
  readonly joining: number;
  readonly leaving: number;
}

/**
 * Forecasts, from a level's odds, how many of the chosen subjects belong to the level.
 * @param taken returns whether the level accepts the subject with the current trials.
 */
export function summariseOdds(
  { odds, bootstrapDeviation }: LevelOdds,
  level: string,
  some: readonly number[],
  taken: (subject: number) => boolean,
): LevelForecast {
  const own = odds.get(level)!;
  const sum = (value: (odds: number, isTaken: boolean) => number): number =>
    some.reduce((total, i) => total + value(own[i]!, taken(i)), 0);
  const expected = sum((p) => p);
  const share = expected / (own.reduce((total, p) => total + p, 0) || 1);
  const range = 1.96 * Math.hypot(Math.sqrt(sum((p) => p * (1 - p))), share * bootstrapDeviation.get(level)!);
  return {
    taken: sum((_, isTaken) => Number(isTaken)),
    expected,
    low: Math.max(0, expected - range),
    high: Math.min(some.length, expected + range),
    certain: sum((p, isTaken) => Number(isTaken && p >= 0.95)),
    open: sum((p) => Number(p > 0.05 && p < 0.95)),
    joining: sum((p, isTaken) => (isTaken ? 0 : p)),
    leaving: sum((p, isTaken) => (isTaken ? 1 - p : 0)),
  };
}
