import { RunError } from '../../core/errors.ts';
import type { RolloutGroup } from '../../core/rollout.ts';

/** Purpose of rollouts: training, measuring difficulty, or evaluation. */
export type RolloutPurpose = 'train' | 'measure' | 'evaluate';

/** A judged group with its rewards and advantages. */
export interface RecordedGroup {
  readonly group: RolloutGroup;
  /** Level from which the problem was drawn, if the curriculum has levels. */
  readonly level?: string;
  /**
   * Rewards in the order of the group's rollouts, `null` if ungradable; absent if the group was not used for training.
   */
  readonly rewards?: readonly (number | null)[];
  readonly advantages?: readonly (number | null)[];
  /**
   * Number of steps between the policy that wrote the group and the policy that learned from it; absent if the group
   * was not used for training.
   */
  readonly offPolicySteps?: number;
  /** Reasons to review a rollout, one list per rollout; nearly always empty. */
  readonly flags?: readonly (readonly string[])[];
}

/** Groups rolled out at one point of a run for one purpose, stored as one Parquet shard. */
export interface RolloutRecord {
  /** Number of completed steps at the time of recording; for `train`, the step that trained on them. */
  readonly step: number;
  readonly stage: string;
  readonly purpose: RolloutPurpose;
  readonly groups: readonly RecordedGroup[];
}

/**
 * Everything recorded for one training step.
 *
 * @example
 * await run.recordStep({
 *   step: 1, stage: 'easy', metrics: { 'reward/mean': 0.42 }, timings: { 'time/step': 1.7 }, groups,
 * });
 */
export interface StepRecord {
  /** 1-based; must follow the last recorded step. */
  readonly step: number;
  readonly stage: string;
  /** Values determined by recipe and seed, by name (`reward/mean`). Unmeasured values are absent. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Values that depend on clock or machine (seconds, tokens per second, bytes): shown, never compared. */
  readonly timings?: Readonly<Record<string, number>>;
  /** Groups rolled out for the step. */
  readonly groups?: readonly RecordedGroup[];
  /** Decision by the stage's exit rule after the step, with the numbers behind it. */
  readonly decision?: string;
}

/**
 * An event between or during steps, determined by recipe and seed, e.g. the start or end of a stage with its reason, a
 * refill by a gate, or a warning. Events that depend on the clock belong in a log.
 */
export interface RunEvent {
  /** Number of completed steps at the time of the event. */
  readonly step: number;
  readonly stage?: string;
  /** kebab-case: `stage-start`, `stage-end`, `refill`, `warning`, … */
  readonly type: string;
  /** One sentence for human readers. */
  readonly message: string;
  /** JSON-safe details for programs. */
  readonly data?: unknown;
}

/** A candidate problem at the start of a stage, with its known trials. */
export interface StageCandidate {
  readonly id: string;
  readonly domain: string;
  /** Names of the problem's levels. */
  readonly levels: readonly string[];
  /** Trials of the policy itself. */
  readonly measured: { readonly successes: number; readonly trials: number };
  readonly isSelected: boolean;
}

/** The result of an evaluation suite. */
export interface EvaluationRecord {
  readonly step: number;
  /** Name of the suite: `held-out`, `aime24`. */
  readonly name: string;
  /** The evaluation; JSON-safe. */
  readonly result: unknown;
}

const metricName = /^[\w@.+-]+(\/[\w@.+-]+)*$/;

/** Throws a `RunError` with the first metric that is not a finite number or has an invalid name. */
export function checkMetrics(metrics: Readonly<Record<string, number>>, step: number): void {
  for (const [name, value] of Object.entries(metrics)) {
    if (!metricName.test(name)) {
      throw new RunError(
        `step ${step}: expected a metric name such as reward/mean (letters, digits and _@.+- between slashes), got ${JSON.stringify(name)}`,
        { code: 'RUN_METRIC_NAME' },
      );
    }
    if (!Number.isFinite(value)) {
      throw new RunError(
        `step ${step}: expected a finite number for the metric ${name}, got ${String(value)}; omit values that were not measured`,
        { code: 'RUN_METRIC_NOT_FINITE' },
      );
    }
  }
}

/** Throws a `RunError` unless rewards and advantages contain one finite number, or `null`, per rollout. */
export function checkGroup({ group, rewards, advantages, flags }: RecordedGroup): void {
  for (const [name, values] of Object.entries({ rewards, advantages, flags })) {
    if (values !== undefined && values.length !== group.rollouts.length) {
      throw new RunError(
        `problem ${group.problem.id}: expected ${group.rollouts.length} ${name}, one per rollout, got ${values.length}`,
        { code: 'RUN_GROUP_INVALID' },
      );
    }
  }
  for (const [name, values] of Object.entries({ rewards, advantages })) {
    if (values === undefined) continue;
    const bad = values.findIndex((value) => value !== null && !Number.isFinite(value));
    if (bad >= 0) {
      throw new RunError(
        `problem ${group.problem.id}: expected finite ${name}, got ${String(values[bad])} for rollout ${bad}`,
        { code: 'RUN_GROUP_INVALID' },
      );
    }
  }
}

/** The run from which this one continues; links runs into a lineage. */
export interface RunParent {
  /** `RunSummary.id` of that run. */
  readonly run: string;
  /** Step from whose weights the run starts. */
  readonly step: number;
}

/** How a run ended. Only `finished` runs cannot be resumed. */
export type RunEnd = 'finished' | 'failed' | 'interrupted';
