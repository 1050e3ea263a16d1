import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import type { Outcome } from '../core/verdict.ts';
import type { Levels } from '../difficulty/levels/levels.ts';
import type { PassRateStore } from '../difficulty/pass-rates/pass-rate-store.ts';
import type { Trials } from '../difficulty/pass-rates/trials.ts';
import type { Engine } from '../engines/engine.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import type { SuiteConfig } from '../recipe/suite.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { PendingWork } from '../rollout/pending.ts';
import type { Run } from '../runs/writing/run.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import type { Metrics } from './step/step-metrics.ts';

/** A suite with its problems loaded. */
export interface LoadedSuite {
  readonly config: SuiteConfig;
  readonly problems: readonly Problem[];
  /** The files that they were read from. */
  readonly sources?: readonly SourceRecord[];
}

/** Everything a run is made of, built from its recipe: the engine, who judges, what is trained on. */
export interface TrainingParts {
  readonly recipe: Recipe;
  readonly engine: Engine;
  readonly verifierFor: (problem: Problem) => Verifier;
  /** Where unfinished work is named, for the watchdog. */
  readonly pending: PendingWork;
  readonly problems: readonly Problem[];
  readonly suites: readonly LoadedSuite[];
  readonly levels: Levels;
  /** Pass rates of other models: label → problem id → trials. */
  readonly knownPassRates: ReadonlyMap<string, ReadonlyMap<string, Trials>>;
  /** What speaks against trusting the run's figures; told before anything starts. */
  readonly warnings: readonly string[];
}

/** The parts, and the run that everything is recorded into. */
export interface TrainingContext extends TrainingParts {
  readonly run: Run;
  readonly store: PassRateStore;
  readonly report: (event: TrainingEvent) => void;
  readonly signal?: AbortSignal;
}

/** What happens while training, for whoever watches. Nothing here is needed to resume. */
export type TrainingEvent =
  | RunStart
  | { readonly type: 'measure'; readonly stage: string; readonly done: number; readonly total: number }
  | { readonly type: 'evaluate'; readonly suite: string; readonly done: number; readonly total: number }
  | { readonly type: 'evaluated'; readonly step: number; readonly evaluation: Evaluation }
  | { readonly type: 'stage-start' | 'stage-end'; readonly stage: string; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  /** Rollouts of the step under way; `total` grows when gates ask for more. */
  | { readonly type: 'roll'; readonly step: number; readonly done: number; readonly total: number }
  | StepEvent;

/** A run begins or goes on. */
export interface RunStart {
  readonly type: 'run-start';
  /** Its directory. */
  readonly run: string;
  readonly stages: readonly { readonly name: string; readonly maxSteps: number }[];
  /** The step it goes on from: what came before is on record and not told again. */
  readonly step: number;
}

/** A step is done. */
export interface StepEvent {
  readonly type: 'step';
  readonly step: number;
  readonly stage: string;
  readonly stepInStage: number;
  readonly maxSteps: number;
  readonly metrics: Metrics;
  readonly timings: Metrics;
  /** What became of some of its rollouts, one of a problem. */
  readonly verdicts: readonly ShownVerdict[];
}

/** Most verdicts that a step shows. */
export const shownVerdicts = 4;

/** One verdict, to give an impression. */
export interface ShownVerdict {
  readonly problemId: string;
  readonly outcome: Outcome;
  readonly reason: string;
}
