import * as z from 'zod';
import type { Verdict } from '../core/verdict.ts';
import { noun } from '../core/noun.ts';

/** A number for each finding: the usual choice for answers that are right or wrong. */
const outcomeRewardConfig = z.strictObject({
  type: z.literal('outcome'),
  correct: z.number().default(1),
  incorrect: z.number().default(0),
  unparsed: z.number().default(0),
  timeout: z.number().default(0),
});

/** The verdict's score: `fraction` of the tests passed, or 1 only when all passed. */
const scoreRewardConfig = z.strictObject({
  type: z.literal('score'),
  credit: z.enum(['fraction', 'all-or-nothing']).default('fraction'),
});

/** What a verdict is worth to the policy. */
export const rewardConfig = z.discriminatedUnion('type', [outcomeRewardConfig, scoreRewardConfig]);
export type RewardConfig = z.output<typeof rewardConfig>;

/** Rewards by outcome; by default 1 for `correct` and 0 for anything else. */
export const outcomeReward = noun(outcomeRewardConfig);

/** Rewards by score; by default the fraction of tests passed. */
export const scoreReward = noun(scoreRewardConfig);

/** The reward of a verdict, or `null` for `ungradable`: then the rollout must not be learned from at all. */
export function rewardOf(config: RewardConfig, { outcome, score }: Verdict): number | null {
  if (outcome === 'ungradable') return null;
  if (config.type === 'outcome') return config[outcome];
  return config.credit === 'fraction' ? score : Number(score === 1);
}
