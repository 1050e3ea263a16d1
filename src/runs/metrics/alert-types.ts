import type { Estimate } from '../../statistics/intervals.ts';
import type { MetricSeries, RunSummary } from '../reading/run-rows.ts';

/** A problem with a run, its evidence, and a suggested fix. */
export interface Alert {
  /** Kind of alert in kebab-case, such as `entropy-collapsed`. */
  readonly id: string;
  /** `error`: training has failed, stalled or lost accuracy; `warning`: it is probably wasting effort. */
  readonly severity: 'error' | 'warning';
  /** One sentence: the problem. */
  readonly title: string;
  /** One or two sentences: the usual fix. */
  readonly whatToDo: string;
  /** The step that shows the problem. */
  readonly step: number;
  /** The measured value; absent if it is not a metric. */
  readonly evidence?: { readonly metric: string; readonly value: number; readonly threshold: number };
}

/** Input of the alerts. */
export interface RunVitals extends Pick<RunSummary, 'status' | 'reason' | 'step'> {
  /** Returns the values of a metric over the last steps. */
  readonly metric: (name: string, lastSteps: number) => MetricSeries;
  /** Returns the values of a metric over the first steps. */
  readonly start: (name: string, firstSteps: number) => MetricSeries;
  /** Domains in the metrics `reward/<domain>/mean`; absent if unknown. */
  readonly domains?: readonly string[];
  /** Seconds since the last recorded step; null before the first step. */
  readonly secondsSinceStep: number | null;
  /** Recent median duration of a step; null before the second step. */
  readonly stepSeconds: number | null;
  /** Change from the first to the last evaluation of each suite; absent if only metrics are known. */
  readonly heldOut?: readonly HeldOutChange[];
  /** Number of passes of each stage over its pool; absent if only metrics are known. */
  readonly pools?: readonly PoolUse[];
}

/** Change of a suite's accuracy since the start, with its 95 % interval over problems. */
export interface HeldOutChange {
  readonly suite: string;
  readonly step: number;
  readonly change: Estimate;
}

/** Number of passes of a stage over its problems. */
export interface PoolUse {
  readonly stage: string;
  readonly step: number;
  readonly problems: number;
  readonly passes: number;
}
