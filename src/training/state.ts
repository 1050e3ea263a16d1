import * as z from 'zod';
import { curriculumStart, curriculumState } from '../curriculum/curriculum.ts';

const trials = z.strictObject({ successes: z.number(), trials: z.number() });

const poolProblem = z.strictObject({
  id: z.string(),
  domain: z.string(),
  levels: z.array(z.string()).readonly(),
  measured: trials,
});

const poolState = z.strictObject({
  /** The problems selected at the start of the stage. */
  pool: z.array(poolProblem).readonly(),
  /** State of the sampler; `null` before the stage's first step. */
  sampler: z.unknown(),
  /** State of the starts; absent before the stage's first step, and if attempts begin at the prompt. */
  starts: z.unknown().optional(),
});

const exampleState = z.strictObject({
  /** Number of examples in the stage's file in the run. */
  examples: z.int().positive(),
  /** Hash of the stage's files of examples, so that a resume uses the same examples. */
  sha256: z.string(),
  heldOut: z.int().min(0),
});

const distilState = z.strictObject({
  /** Ids of the problems selected at the start of the stage. */
  problems: z.array(z.string()).min(1).readonly(),
  /** `EngineInfo.modelHash` of the teacher. */
  teacher: z.string(),
});

/** State of the controller, excluding the engine's state and the run's tables. JSON-safe. */
export const controllerState = z.strictObject({
  curriculum: curriculumState,
  /** The current stage; `null` between stages. */
  stage: z.union([poolState, exampleState, distilState]).nullable(),
  /** Results of re-measurements at stage boundaries, by problem id, which take precedence over the base measurement. */
  remeasured: z.record(z.string(), trials),
  /** Current number of consecutive steps in which every update was skipped for a non-finite gradient. */
  stuckSteps: z.int().min(0).default(0),
  /**
   * Number of steps made by stages that imitate or distil, which the learning-rate schedule of other stages does not
   * count.
   */
  imitated: z.int().min(0).default(0),
});

/** See `controllerState`. */
export type ControllerState = z.infer<typeof controllerState>;
/** State of a stage that reinforces. */
export type PoolState = z.infer<typeof poolState>;
/** State of a stage that imitates. */
export type ExampleState = z.infer<typeof exampleState>;
/** State of a stage that distils. */
export type DistilState = z.infer<typeof distilState>;
export type StageState = PoolState | ExampleState | DistilState;

export const isPoolState = (state: StageState): state is PoolState => 'pool' in state;
export const isDistilState = (state: StageState): state is DistilState => 'teacher' in state;
export const isExampleState = (state: StageState): state is ExampleState => 'examples' in state;

/** Initial state of a new run. */
export const controllerStart: ControllerState = {
  curriculum: curriculumStart,
  stage: null,
  remeasured: {},
  stuckSteps: 0,
  imitated: 0,
};
