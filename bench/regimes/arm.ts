import type { z } from 'zod';
import { stage, type stageConfig } from '../../src/curriculum/stage.ts';
import type { RecipeInput } from '../../src/recipe/recipe.ts';
import type { Row } from './rows.ts';

/** A stage as a recipe states it. */
export type Stage = z.input<typeof stageConfig>;

/** What an arm changes in the recipe of a row. */
export interface Arm {
  /** Letter in the list of predictions. */
  readonly letter: string;
  readonly about: string;
  /** Number of times that the arm's code changed its choices; part of the key of a result. Default 0. */
  readonly version?: number;
  /** Problems per step; default 32. */
  readonly problemsPerStep?: number;
  /** Steps of training between evaluations; default: those of `evaluationSpacing` rollouts. */
  readonly every?: number;
  /** True if measuring is free: the budget counts training alone. */
  readonly isMeasuringFree?: boolean;
  readonly stages: (row: Row, steps: number) => Stage[];
  readonly settings?: Partial<RecipeInput>;
  /** Knobs to train on; default: all of the pool. */
  readonly knobs?: readonly number[];
  /** Arm to compare with; default `uniform`. */
  readonly against?: string;
  /**
   * Domain to train on, at half of the rollouts: the others are those of a second model for the other domain. The
   * comparison is by the accuracy in this domain.
   */
  readonly domain?: 'math' | 'code';
}

/** One stage over the whole pool, chosen from by a sampler. */
export const oneStage =
  (options: Partial<Omit<Stage, 'type' | 'name'>> = {}): Arm['stages'] =>
  ({ isMixed }, maxSteps) => [stage('all', { ...mixOf(isMixed), ...options, maxSteps })];

/** Half math, half code in a mixed row. */
export const mixOf = (isMixed: boolean | undefined) =>
  isMixed === true ? { mix: { math: 1, code: 1 } } : {};
