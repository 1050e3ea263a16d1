import type { Outcome } from '../core/verdict.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import type { Metrics } from './step/step-metrics.ts';

/** Events of a training run, for observers. Resuming does not depend on them. */
export type TrainingEvent =
  | RunStart
  | { readonly type: 'measure'; readonly stage: string; readonly done: number; readonly total: number }
  /** Number of attempts made so far by a stage that harvests. */
  | { readonly type: 'harvest'; readonly stage: string; readonly done: number; readonly total: number }
  | { readonly type: 'evaluate'; readonly suite: string; readonly done: number; readonly total: number }
  | { readonly type: 'evaluated'; readonly step: number; readonly evaluation: Evaluation }
  | { readonly type: 'stage-start' | 'stage-end'; readonly stage: string; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  /** Estimated worth of selection in a stage, after some of its steps. */
  | { readonly type: 'staging-worth'; readonly stage: string; readonly message: string }
  /** Number of rollouts made so far for a step and, with `ahead()`, for later steps; `total` grows with refills. */
  | { readonly type: 'roll'; readonly step: number; readonly done: number; readonly total: number }
  | StepEvent;

/** Description of a stage before it begins. */
export interface StagePlan {
  readonly name: string;
  /** Number of the last step; null if it depends on the number of examples. */
  readonly maxSteps: number | null;
}

/** Reported when a run begins or resumes. */
export interface RunStart {
  readonly type: 'run-start';
  /** Directory of the run. */
  readonly run: string;
  readonly stages: readonly StagePlan[];
  /** The step from which the run resumes; earlier steps are not reported again. */
  readonly step: number;
}

/** A finished step. */
export interface StepEvent {
  readonly type: 'step';
  readonly step: number;
  readonly stage: string;
  readonly stepInStage: number;
  readonly maxSteps: number;
  readonly metrics: Metrics;
  readonly timings: Metrics;
  /** A sample of the step's verdicts, one per problem. */
  readonly verdicts: readonly ShownVerdict[];
}

/** Maximum number of verdicts in one step event. */
export const shownVerdicts = 4;

/** One verdict of a step, as a sample. */
export interface ShownVerdict {
  readonly problemId: string;
  readonly outcome: Outcome;
  readonly reason: string;
}
