import { hashKey } from '../core/rng.ts';
import { noun } from '../core/noun.ts';
import * as z from 'zod';

/** How a model is measured; which problems it is measured on is the recipe's to add. */
export const suiteConfig = z.strictObject({
  type: z.literal('suite').default('suite'),
  /** Names the result in the run and in tables. */
  name: z.string().min(1),
  /** Attempts per problem: the k of avg@k. */
  rollouts: z.int().positive().default(4),
  temperature: z.number().positive().default(1),
  topP: z.number().positive().max(1).default(1),
  maxTokens: z.int().positive(),
  /** Also one attempt per problem at temperature 0. */
  greedy: z.boolean().default(true),
  /** Evaluate every so many training steps; `null`: only before the first and after the last. */
  every: z.int().positive().nullable().default(null),
});
export type SuiteConfig = z.output<typeof suiteConfig>;

/** A named way of measuring, by default avg@4 at temperature 1 with a greedy attempt beside it. */
export const suite = noun(suiteConfig);

/** The seed of a suite: the same for every evaluation under one recipe seed, so that evaluations differ by the policy alone. */
export const suiteSeed = ({ seed }: { readonly seed: number }, { name }: Pick<SuiteConfig, 'name'>): number =>
  hashKey(seed, 'evaluation', name);
