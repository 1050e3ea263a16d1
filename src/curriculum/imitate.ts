import * as z from 'zod';
import { optimizerConfig } from '../algorithms/optimizer.ts';
import { selectConfig } from './stage.ts';

/** Limits on the text of harvested attempts. */
const filterConfig = z.strictObject({
  minWords: z.int().min(0).default(0),
  maxWords: z.int().positive().optional(),
  /** Rejects attempts that contain one of these strings. */
  without: z.array(z.string().min(1)).default([]),
});

const harvestConfig = z.strictObject({
  type: z.literal('harvest'),
  /** Author of the correct attempts to imitate: the policy, or the recipe's `teacher` on any engine. */
  from: z.enum(['policy', 'teacher']).default('policy'),
  /** Problems to attempt; absent: every problem. */
  select: selectConfig.optional(),
  /** Maximum number of problems to attempt, drawn with the recipe's seed; absent: all selected problems. */
  problems: z.int().positive().optional(),
  /** Attempts per problem. */
  rollouts: z.int().positive().default(4),
  /**
   * Order in which to keep correct attempts at a problem: shortest or longest first (in tokens), random, or
   * from the nth shortest on (1-based).
   */
  choose: z
    .union([z.enum(['shortest', 'longest', 'random']), z.strictObject({ nth: z.int().positive() })])
    .default('random'),
  /** Maximum number of examples per problem. */
  perProblem: z.int().positive().default(1),
  filter: filterConfig.prefault({}),
  /** Sampling settings; default: the recipe's. */
  temperature: z.number().positive().optional(),
  maxTokens: z.int().positive().optional(),
});

const solutionsConfig = z.strictObject({ type: z.literal('solutions'), select: selectConfig.optional() });

/**
 * A stage of supervised learning on examples: prompts with completions to imitate. Its learning-rate schedule counts
 * only the steps of this stage.
 *
 * @example
 * imitate('write-up', { examples: harvest({ select: 'easy', rollouts: 8 }), start: 'base', epochs: 2 });
 */
export const imitateConfig = z.strictObject({
  type: z.literal('imitate'),
  name: z.string().min(1),
  /**
   * A JSON Lines file of `{"prompt", "completion"}`, the problems' worked solutions, or correct attempts by the policy
   * or the teacher.
   */
  examples: z.union([z.string().min(1), solutionsConfig, harvestConfig]),
  /**
   * Weights to start from. `base`: the weights at the start of the run, with a new optimizer; a harvest still
   * samples from the current policy.
   */
  start: z.enum(['current', 'base']).default('current'),
  /** Examples per step; if there are fewer, a step uses all of them. */
  batchSize: z.int().positive().default(32),
  /** Passes over the examples; may be fractional. */
  epochs: z.number().positive().default(1),
  /** Maximum number of steps, even if the epochs need more. */
  maxSteps: z.int().positive().optional(),
  /** Default: the recipe's optimizer. */
  optimizer: optimizerConfig.optional(),
  /** Share of the prompts whose examples are held out from training to measure the held-out loss. */
  heldOut: z.number().min(0).lt(1).default(0),
  /** Steps between measurements of the held-out loss, which the last step always measures. */
  heldOutEvery: z.int().positive().default(50),
});

/** A validated `imitate` stage. */
export type ImitateConfig = z.infer<typeof imitateConfig>;
/** A validated `harvest`. */
export type HarvestConfig = z.infer<typeof harvestConfig>;

/**
 * Configures a stage that learns from examples, e.g. `imitate('format', { examples: 'examples.jsonl', epochs:
 * 2 })`.
 */
export function imitate(
  name: string,
  options: Omit<z.input<typeof imitateConfig>, 'type' | 'name'>,
): z.input<typeof imitateConfig> {
  return { type: 'imitate', name, ...options };
}

/**
 * Configures examples from correct attempts by the policy or the teacher at training problems, never at suite problems.
 */
export function harvest(
  options: Omit<z.input<typeof harvestConfig>, 'type'> = {},
): z.input<typeof harvestConfig> {
  return { type: 'harvest', ...options };
}

/** Configures examples from the worked solutions of the training problems. */
export function solutions(
  options: Omit<z.input<typeof solutionsConfig>, 'type'> = {},
): z.input<typeof solutionsConfig> {
  return { type: 'solutions', ...options };
}
