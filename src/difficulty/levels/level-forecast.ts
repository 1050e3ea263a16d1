import type { LevelOdds } from './level-odds.ts';

/** A level's size as it may turn out, were everything measured `horizon` times. */
export interface LevelForecast {
  /** Problems the level takes as it reads what is measured now. */
  readonly taken: number;
  /** Expected number of problems, and a 95 % range for it. */
  readonly expected: number;
  readonly low: number;
  readonly high: number;
  /** Of those taken, how many belong with at least 95 %. */
  readonly certain: number;
  /** Problems of which it is open: between 5 and 95 %. */
  readonly open: number;
  /** Expected problems that are not taken now and would be, and the other way round. */
  readonly joining: number;
  readonly leaving: number;
}

/**
 * Sums up a level's odds over some subjects.
 * @param taken whether the level takes the subject as it reads what is measured now.
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
