import { hashKey } from '../core/rng.ts';
import { noun } from '../core/config-builder.ts';
import * as z from 'zod';
import { strategyConfig } from '../rollout/strategies/strategy-config.ts';
import { scorerConfig } from '../scorers/scorer-config.ts';

/** Settings of an evaluation; the recipe adds the problems. */
export const suiteConfig = z.strictObject({
  type: z.literal('suite').default('suite'),
  /** Name of the result in runs and tables. */
  name: z.string().min(1),
  /** Attempts per problem: the k of avg@k. */
  rollouts: z.int().positive().default(4),
  temperature: z.number().positive().default(1),
  topP: z.number().positive().max(1).default(1),
  maxTokens: z.int().positive(),
  /** Whether to add one attempt per problem at temperature 0. */
  greedy: z.boolean().default(true),
  /** Whether to also attempt the other wordings of each problem and report robustness; this multiplies the cost. */
  wordings: z.boolean().optional(),
  /** Whether to evaluate in one turn, without the environments of the recipe. */
  closedBook: z.boolean().optional(),
  /** Training steps between evaluations; `null`: only before the first step and after the last. */
  every: z.int().positive().nullable().default(null),
  /** Strategies for spending tokens on a problem; the evaluation also compares them. */
  strategies: z.array(strategyConfig).min(1).optional(),
  /** Budgets of the strategies in answers N; each may write N · `maxTokens` tokens per problem. */
  budgets: z.array(z.int().positive()).min(1).optional(),
  /** Step scorer for `bestOfN`, `beam` and `dvts`. */
  scorer: scorerConfig.optional(),
  /** Text that ends a step. */
  stepSeparator: z.string().min(1).optional(),
});
export type SuiteConfig = z.output<typeof suiteConfig>;

/** Default budgets of strategies. */
export const defaultBudgets: readonly number[] = [4, 16];

/** Rollouts per problem to measure the pass rates that assign problems to bins. */
export const binRollouts = 16;

/** Default separator of steps: a blank line. */
export const defaultSeparator = '\n\n';

/** Defines a suite, by default avg@4 at temperature 1 plus one greedy attempt. */
export const suite = noun(suiteConfig);

/** Returns the seed of a suite: equal for every evaluation under one recipe seed, so that only the policy differs. */
export const suiteSeed = ({ seed }: { readonly seed: number }, { name }: Pick<SuiteConfig, 'name'>): number =>
  hashKey(seed, 'evaluation', name);
