import * as z from 'zod';
import { optimizerConfig } from '../algorithms/optimizer.ts';
import { selectConfig } from './stage.ts';

/**
 * A stage of on-policy distillation: the policy attempts problems, and learns the probabilities that the recipe's
 * `teacher` assigns to the tokens that the policy wrote (Agarwal et al. 2023, reverse KL). Its learning-rate schedule
 * counts only the steps of this stage.
 *
 * @example
 * distil('from the 7B', { select: 'hard', maxSteps: 200 });
 */
export const distilConfig = z.strictObject({
  type: z.literal('distil'),
  name: z.string().min(1),
  /** Problems to attempt; absent: every problem. */
  select: selectConfig.optional(),
  /** Default: the recipe's `batch.problems`, but at most the number of selected problems. */
  problemsPerStep: z.int().positive().optional(),
  /** Attempts per problem. Every token has a signal, so one attempt is enough: the loss needs no group. */
  rollouts: z.int().positive().default(1),
  maxTokens: z.int().positive().optional(),
  temperature: z.number().positive().optional(),
  /**
   * Bound on the absolute value of a token's advantage log q − log π, so that one token cannot dominate an
   * update. `null`: no bound.
   */
  clip: z.number().positive().nullable().default(10),
  /** Default: the recipe's optimizer. */
  optimizer: optimizerConfig.optional(),
  /** Number of steps in the stage. */
  maxSteps: z.int().positive(),
});

/** A validated `distil` stage. */
export type DistilConfig = z.infer<typeof distilConfig>;

/**
 * Configures a stage in which the policy learns the teacher's probabilities on its own attempts, e.g.
 * `distil('teacher', { maxSteps: 100 })`.
 */
export function distil(
  name: string,
  options: Omit<z.input<typeof distilConfig>, 'type' | 'name'>,
): z.input<typeof distilConfig> {
  return { type: 'distil', name, ...options };
}
