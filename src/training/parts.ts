import type { Problem } from '../core/problem.ts';
import type { Levels } from '../difficulty/levels.ts';
import type { PassRateStore } from '../difficulty/pass-rate-store.ts';
import type { Trials } from '../difficulty/trials.ts';
import type { Engine } from '../engines/engine.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import type { SuiteConfig } from '../evaluation/suite.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { PendingWork } from '../rollout/pending.ts';
import type { Run } from '../runs/run.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import type { Metrics } from './metrics.ts';

/** A suite with its problems loaded. */
export interface LoadedSuite {
  readonly config: SuiteConfig;
  readonly problems: readonly Problem[];
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
  | { readonly type: 'measure'; readonly stage: string; readonly done: number; readonly total: number }
  | { readonly type: 'evaluate'; readonly suite: string; readonly done: number; readonly total: number }
  | { readonly type: 'evaluated'; readonly step: number; readonly evaluation: Evaluation }
  | { readonly type: 'stage-start' | 'stage-end'; readonly stage: string; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly stage: string;
      readonly stepInStage: number;
      readonly maxSteps: number;
      readonly metrics: Metrics;
      readonly timings: Metrics;
    };
