import { RunError } from '../../core/errors.ts';
import type { RolloutGroup } from '../../core/rollout.ts';

/** Why rollouts were made: to learn from, to measure difficulty, or to evaluate the policy. */
export type RolloutPurpose = 'train' | 'measure' | 'evaluate';

/** A judged group and what the recipe made of it. */
export interface RecordedGroup {
  readonly group: RolloutGroup;
  /** The level the problem was chosen from, where the curriculum has levels. */
  readonly level?: string;
  /** One per rollout, in the group's order, `null` where nobody could judge it; absent where nothing was learnt. */
  readonly rewards?: readonly (number | null)[];
  readonly advantages?: readonly (number | null)[];
  /** Why each rollout is worth a person's look, a sentence each; nearly always empty. */
  readonly flags?: readonly (readonly string[])[];
}

/** Groups made at one point of a run for one purpose: they become one Parquet shard. */
export interface RolloutRecord {
  /** Steps taken when they were recorded; for `train`, the step that learnt from them. */
  readonly step: number;
  readonly stage: string;
  readonly purpose: RolloutPurpose;
  readonly groups: readonly RecordedGroup[];
}

/**
 * One step.
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
  /** Values decided by recipe and seed, by name (`reward/mean`). What was not measured is absent. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Values decided by the clock or the machine (seconds, tokens per second, bytes): shown, never compared. */
  readonly timings?: Readonly<Record<string, number>>;
  /** The groups the step learnt from, or was made to look at. */
  readonly groups?: readonly RecordedGroup[];
  /** What the stage's exit rule said after it, with numbers. */
  readonly decision?: string;
}

/**
 * Something worth telling that happened between or during steps, decided by recipe and seed (what depends on the
 * clock belongs into a log): a stage began or ended and why, a gate refilled the batch, a warning.
 */
export interface RunEvent {
  /** Steps taken when it happened. */
  readonly step: number;
  readonly stage?: string;
  /** kebab-case: `stage-start`, `stage-end`, `refill`, `warning`, … */
  readonly type: string;
  /** One sentence for a person. */
  readonly message: string;
  /** JSON-safe facts for programs. */
  readonly data?: unknown;
}

/** A problem that a stage could have chosen when it began, as it was known then. */
export interface StageCandidate {
  readonly id: string;
  readonly domain: string;
  /** Names of the levels it was in. */
  readonly levels: readonly string[];
  /** The policy's own attempts. */
  readonly measured: { readonly successes: number; readonly trials: number };
  readonly isSelected: boolean;
}

/** The result of an evaluation suite. */
export interface EvaluationRecord {
  readonly step: number;
  /** Which suite: `held-out`, `aime24`. */
  readonly name: string;
  /** JSON-safe. */
  readonly result: unknown;
}

const metricName = /^[\w@.+-]+(\/[\w@.+-]+)*$/;

/** Throws a `RunError` naming the first metric that is not a finite number or not named like `reward/mean`. */
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
        `step ${step}: expected a finite number for the metric ${name}, got ${String(value)}; leave out what was not measured`,
        { code: 'RUN_METRIC_NOT_FINITE' },
      );
    }
  }
}

/** Throws a `RunError` unless rewards and advantages have one finite number, or `null`, per rollout. */
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

/** The run another one continues from: one lineage across runs. */
export interface RunParent {
  /** `RunSummary.id` of that run. */
  readonly run: string;
  /** Its step whose weights were taken. */
  readonly step: number;
}

/** How a run ended. Only a `finished` one cannot be resumed. */
export type RunEnd = 'finished' | 'failed' | 'interrupted';
