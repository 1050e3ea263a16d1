import type { CurriculumDecision, CurriculumState } from '../../curriculum/curriculum.ts';
import type { StartedBatch } from '../step/collect-batch.ts';
import type { ControllerState, StageState } from '../state.ts';

/** The result of a step. */
export interface StepOutcome {
  readonly state: CurriculumState;
  readonly decision: CurriculumDecision;
  readonly stuckSteps: number;
}

/** A stage in progress, of any kind. */
export interface StageRun extends AsyncDisposable {
  readonly name: string;
  /** Computes and records the next step of the run. */
  step(state: ControllerState): Promise<StepOutcome>;
  /** Returns the state to continue from after the last step. */
  save(): StageState;
  /** Batches rolled out for later steps, in order; part of the state after a step. Disposing the stage cancels them. */
  readonly started: readonly StartedBatch[];
}
