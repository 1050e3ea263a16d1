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
  /** Problems selected at the start of the stage. */
  pool: z.array(poolProblem).readonly(),
  /** State of the sampler; `null` before the stage's first step. */
  sampler: z.unknown(),
});

/** State of the controller, besides that of the engine and the run's tables. JSON-safe. */
export const controllerState = z.strictObject({
  curriculum: curriculumState,
  /** The current stage; `null` between stages. */
  stage: stageState.nullable(),
  /** Results of re-measurements at stage boundaries, by problem id; newer than the base measurement. */
  remeasured: z.record(z.string(), trials),
  /** Consecutive steps up to now in which every update was skipped for a non-finite gradient. */
  stuckSteps: z.int().min(0).default(0),
});

/** See `controllerState`. */
export type ControllerState = z.infer<typeof controllerState>;
export type StageState = z.infer<typeof stageState>;

/** Initial state of a new run. */
export const controllerStart: ControllerState = {
  curriculum: curriculumStart,
  stage: null,
  remeasured: {},
  stuckSteps: 0,
};
