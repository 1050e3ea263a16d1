import type { CurriculumDecision, CurriculumState } from '../../curriculum/curriculum.ts';
import type { ControllerState, StageState } from '../state.ts';

/** Position of the training after a step. */
export interface StepOutcome {
  readonly state: CurriculumState;
  readonly decision: CurriculumDecision;
  readonly stuckSteps: number;
}

/** A stage in progress, of any kind. */
export interface StageRun {
  readonly name: string;
  /** Computes and records the next step of the run. */
  step(state: ControllerState): Promise<StepOutcome>;
  /** Returns the state to continue from after the last step. */
  save(): StageState;
}
