import * as z from 'zod';
import type { Verdict } from '../core/verdict.ts';
import { noun } from '../core/config-builder.ts';
import { withoutAbsent } from './settings.ts';

const outcomeSettings = {
  correct: z.number(),
  incorrect: z.number(),
  unparsed: z.number(),
  timeout: z.number(),
};

const scoreSettings = { credit: z.enum(['fraction', 'all-or-nothing']) };

/** A number for each outcome: the usual choice for answers that are right or wrong. */
const outcomeRewardConfig = z.strictObject({
  type: z.literal('outcome'),
  correct: outcomeSettings.correct.default(1),
  incorrect: outcomeSettings.incorrect.default(0),
  unparsed: outcomeSettings.unparsed.default(0),
  timeout: outcomeSettings.timeout.default(0),
});

/** The verdict's score: `fraction` of the tests passed, or 1 only when all passed. */
const scoreRewardConfig = z.strictObject({
  type: z.literal('score'),
  credit: scoreSettings.credit.default('fraction'),
});

/** Reward of a verdict. */
export const rewardConfig = z.discriminatedUnion('type', [outcomeRewardConfig, scoreRewardConfig]);
export type RewardConfig = z.output<typeof rewardConfig>;

/**
 * Settings of the rewards that a stage may override. An absent key keeps the run's setting; a key applies to every
 * domain whose reward has it, e.g. `credit` to code and `incorrect` to math.
 */
export const rewardOverrides = z.strictObject({ ...outcomeSettings, ...scoreSettings }).partial();
export type RewardOverrides = z.output<typeof rewardOverrides>;

/** A domain's reward under a stage: overrides that are settings of its kind replace its own. */
export function overrideReward(base: RewardConfig, { credit, ...byOutcome }: RewardOverrides): RewardConfig {
  return rewardConfig.parse({ ...base, ...withoutAbsent(base.type === 'score' ? { credit } : byOutcome) });
}

/** Rewards by outcome; by default 1 for `correct` and 0 for the rest. */
export const outcomeReward = noun(outcomeRewardConfig);

/** Rewards by score; by default the fraction of tests passed. */
export const scoreReward = noun(scoreRewardConfig);

/** The reward of a verdict, or `null` for `ungradable`, which must not be learned from. */
export function rewardOf(config: RewardConfig, { outcome, score }: Verdict): number | null {
  if (outcome === 'ungradable') return null;
  if (config.type === 'outcome') return config[outcome];
  return config.credit === 'fraction' ? score : Number(score === 1);
}
