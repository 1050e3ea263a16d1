import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import type { Levels } from '../difficulty/levels/levels.ts';
import type { PassRateStore } from '../difficulty/pass-rates/pass-rate-store.ts';
import type { PassRates } from '../difficulty/pass-rates/trials.ts';
import type { Engine, LearningEngine, LocalEngine } from '../engines/engine.ts';
import type { Environments } from '../environments/environment.ts';
import type { SuiteConfig } from '../recipe/suite.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { PendingWork } from '../rollout/pending.ts';
import type { Run } from '../runs/writing/run.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import type { TrainingEvent } from './events.ts';

/** A suite and its loaded problems. */
export interface LoadedSuite {
  readonly config: SuiteConfig;
  readonly problems: readonly Problem[];
  /** Files from which the problems were read. */
  readonly sources?: readonly SourceRecord[];
}

/** The teacher: `distil()` learns from its probabilities, `harvest({ from: 'teacher' })` from its answers. */
export type Teacher = Pick<Engine, 'sampler' | 'renderer' | 'weights'>;

/** Parts of a run, built from its recipe: engine, verifiers, problems, suites. */
export interface TrainingParts {
  readonly recipe: Recipe;
  readonly engine: LearningEngine;
  readonly verifierFor: (problem: Problem) => Verifier;
  /** Returns the environment of a problem. If absent, all attempts have one turn. */
  readonly environmentOf?: Environments['of'];
  /** Tracks unfinished work by name, for the watchdog. */
  readonly pending: PendingWork;
  readonly problems: readonly Problem[];
  readonly suites: readonly LoadedSuite[];
  readonly levels: Levels;
  /** Pass rates of other models: trials, by model label and problem id. */
  readonly knownPassRates: ReadonlyMap<string, PassRates>;
  /** Opens the policy's model with the weights of a saved state, for sampling and scoring only. */
  readonly openFrozen?: (state: string) => Promise<LocalEngine>;
  /** The teacher; absent unless a stage distils or harvests from it. */
  readonly teacher?: Teacher | undefined;
  /** Reasons to doubt the run's results, reported before the run starts. */
  readonly warnings: readonly string[];
}

/** The parts of a run, and the run directory that records everything. */
export interface TrainingContext extends TrainingParts {
  readonly run: Run;
  readonly store: PassRateStore;
  /** Environments, with the run's record of their calls. */
  readonly environments?: Environments | undefined;
  readonly report: (event: TrainingEvent) => void;
  readonly signal?: AbortSignal;
}
