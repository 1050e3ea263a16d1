import * as z from 'zod';
import { curriculumStart, curriculumState } from '../curriculum/curriculum.ts';

const trials = z.strictObject({ successes: z.number(), trials: z.number() });

const poolProblem = z.strictObject({
  id: z.string(),
  domain: z.string(),
  levels: z.array(z.string()).readonly(),
  measured: trials,
});

const stageState = z.strictObject({
  /** The problems the stage selected when it began. */
  pool: z.array(poolProblem).readonly(),
  /** What the sampler saved; `null` before the stage's first step. */
  sampler: z.unknown(),
});

/** Everything the controller must remember besides what the engine and the run's tables hold. JSON-safe. */
export const controllerState = z.strictObject({
  curriculum: curriculumState,
  /** The stage under way; `null` between stages. */
  stage: stageState.nullable(),
  /** What re-measurements at stage boundaries found, by problem id; newer than the base measurement. */
  remeasured: z.record(z.string(), trials),
  /** Steps up to now, in a row, whose every update was left out as its gradient was not finite. */
  stuckSteps: z.int().min(0).default(0),
});

/** See `controllerState`. */
export type ControllerState = z.infer<typeof controllerState>;
export type StageState = z.infer<typeof stageState>;

/** The state of a run that has not begun. */
export const controllerStart: ControllerState = {
  curriculum: curriculumStart,
  stage: null,
  remeasured: {},
  stuckSteps: 0,
};
