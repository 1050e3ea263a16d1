import type { z } from 'zod';
import { stage, type stageConfig } from '../../src/curriculum/stage.ts';
import type { RecipeInput } from '../../src/recipe/recipe.ts';
import type { Row } from './rows.ts';

/** A stage in the format of a recipe. */
export type Stage = z.input<typeof stageConfig>;

/** The changes that an arm makes to the recipe of a row. */
export interface Arm {
  /** Letter in the list of predictions. */
  readonly letter: string;
  readonly about: string;
  /** Version of the arm's code, increased when it makes other choices; part of the key of a result. Default 0. */
  readonly version?: number;
  /** Problems per step; default 32. */
  readonly problemsPerStep?: number;
  /** Steps of training between evaluations; default: as many as `evaluationSpacing` rollouts take. */
  readonly every?: number;
  /** True if measuring is free: the budget counts training alone. */
  readonly isMeasuringFree?: boolean;
  readonly stages: (row: Row, steps: number) => Stage[];
  readonly settings?: Partial<RecipeInput>;
  /** Knobs to train on; default: all in the pool. */
  readonly knobs?: readonly number[];
  /** Arm to compare with; default `uniform`. */
  readonly against?: string;
  /**
   * Domain to train on, with half of the rollouts; the other half counts as spent on a second model for the other
   * domain. Arms are compared by their accuracy in this domain.
   */
  readonly domain?: 'math' | 'code';
}

/** Creates one stage in which a sampler chooses from the complete pool. */
export const oneStage =
  (options: Partial<Omit<Stage, 'type' | 'name'>> = {}): Arm['stages'] =>
  ({ isMixed }, maxSteps) => [stage('all', { ...mixOf(isMixed), ...options, maxSteps })];

/** Returns the `mix` of a mixed row, half math and half code; empty for other rows. */
export const mixOf = (isMixed: boolean | undefined) =>
  isMixed === true ? { mix: { math: 1, code: 1 } } : {};
