import type { Estimate } from '../../statistics/intervals.ts';
import type { MetricSeries, RunSummary } from '../reading/run-rows.ts';

/** Something about a run that a person should look at, with what shows it and what to do. */
export interface Alert {
  /** kebab-case: `entropy-collapsed`. */
  readonly id: string;
  /** `error`: training is lost or standing still; `warning`: it is likely to be wasted. */
  readonly severity: 'error' | 'warning';
  /** One sentence: what is wrong. */
  readonly title: string;
  /** One or two sentences: what usually helps. */
  readonly whatToDo: string;
  /** The step that shows it. */
  readonly step: number;
  /** The raw evidence; absent where it is no metric. */
  readonly evidence?: { readonly metric: string; readonly value: number; readonly threshold: number };
}

/** What alerts look at. */
export interface RunVitals extends Pick<RunSummary, 'status' | 'reason' | 'step'> {
  /** A metric over the last so many steps. */
  readonly metric: (name: string, lastSteps: number) => MetricSeries;
  /** A metric over the first so many steps. */
  readonly start: (name: string, firstSteps: number) => MetricSeries;
  /** Null before the first step. */
  readonly secondsSinceStep: number | null;
  /** What a step took lately; null before there are two. */
  readonly stepSeconds: number | null;
  /** First to last evaluation of each suite; absent where only metrics are known. */
  readonly heldOut?: readonly HeldOutChange[];
  /** How often each stage went through its pool; absent where only metrics are known. */
  readonly pools?: readonly PoolUse[];
}

/** Change of a suite's accuracy since the start, with its 95 % t-interval over problems. */
export interface HeldOutChange {
  readonly suite: string;
  readonly step: number;
  readonly change: Estimate;
}

/** How often a stage went through its problems. */
export interface PoolUse {
  readonly stage: string;
  readonly step: number;
  readonly problems: number;
  readonly passes: number;
}
