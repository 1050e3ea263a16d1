import type { Estimate } from '../../statistics/intervals.ts';
import type { StagingWorth } from './staging-worth.ts';

/**
 * Speed-up below which selection does not recover the cost of measuring a pool: a fifth of the budget, so 1 /
 * (1 − 1/5).
 */
const leastSpeedup = 1.25;

/** Recommendation that follows from the interval of a speed-up. */
export type WorthVerdict = 'leave' | 'stage' | 'unclear';

/**
 * Returns `leave` if even the upper end of the interval is too small, `stage` if even the lower end is large enough,
 * else `unclear`.
 */
export function worthVerdict({ speedup }: Pick<StagingWorth, 'speedup'>): WorthVerdict {
  if (speedup.high < leastSpeedup) return 'leave';
  return speedup.low >= leastSpeedup ? 'stage' : 'unclear';
}

const advice: Readonly<Record<WorthVerdict, string>> = {
  leave: 'leave it',
  stage: 'select by difficulty',
  unclear: 'unclear',
};

/**
 * Describes an estimate in two lines: the decision, then the numbers behind it.
 *
 * @example
 * describeWorth(worth);
 * // staging is worth 2.1–3.0 ×: select by difficulty (7 % of groups are live, [4 %, 11 %])
 * //   selection can reach 52 % [44 %, 60 %]; critical batch 14 live groups [9, 25]; from 200 groups of trials
 */
export function describeWorth(worth: StagingWorth): string[] {
  const { speedup, liveUniform, liveSelected, criticalBatch, isBatchMeasured, records } = worth;
  const verdict = worthVerdict(worth);
  const batch = isBatchMeasured
    ? `critical batch ${groups(criticalBatch.mean)} live groups [${groups(criticalBatch.low)}, ${groups(criticalBatch.high)}]`
    : `critical batch assumed, ${groups(criticalBatch.low)}–${groups(criticalBatch.high)} live groups`;
  const source = records === undefined ? '' : `; from ${records} groups of trials`;
  return [
    `staging is worth ${times(speedup.low)}–${times(speedup.high)} ×: ${advice[verdict]} ` +
      `(${percent(liveUniform.mean)} of groups are live under uniform draws, ${range(liveUniform)})`,
    `  selection can reach ${percent(liveSelected.mean)} ${range(liveSelected)}; ${batch}${source}`,
  ];
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.095 ? 1 : 0)} %`;
const range = ({ low, high }: Estimate): string => `[${percent(low)}, ${percent(high)}]`;
const times = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
const groups = (value: number): string => (value === Infinity ? '∞' : value.toFixed(value < 9.5 ? 1 : 0));
