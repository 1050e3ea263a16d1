import * as z from 'zod';
import { ConfigError } from '../core/errors.ts';
import { partScores, type Verdict } from '../core/verdict.ts';
import { noun } from '../core/config-builder.ts';
import { withoutAbsent } from './settings.ts';

const outcomeSettings = {
  correct: z.number(),
  incorrect: z.number(),
  unparsed: z.number(),
  timeout: z.number(),
};

/** Settings shared by all rewards. */
const commonSettings = {
  /**
   * Factor for the rewards that an environment gives to turns; the product is added to the verdict's reward. Absent: 0.
   */
  environment: z.number().optional(),
};

const scoreSettings = { credit: z.enum(['fraction', 'all-or-nothing']) };

/** A fixed reward for each outcome: the usual choice for answers that are either right or wrong. */
const outcomeRewardConfig = z.strictObject({
  type: z.literal('outcome'),
  correct: outcomeSettings.correct.default(1),
  incorrect: outcomeSettings.incorrect.default(0),
  unparsed: outcomeSettings.unparsed.default(0),
  timeout: outcomeSettings.timeout.default(0),
  ...commonSettings,
});

/** The verdict's score as the reward: the `fraction` of tests passed, or 1 only if all passed. */
const scoreRewardConfig = z.strictObject({
  type: z.literal('score'),
  credit: scoreSettings.credit.default('fraction'),
  ...commonSettings,
});

const partsSettings = { weights: z.record(z.string(), z.number()), offset: z.number() };

/** A linear function of the named parts of a `composite`: offset + Σ weight · score of the part. */
const partsRewardConfig = z.strictObject({
  type: z.literal('parts'),
  /** Weight of each part by name; parts without a weight have no effect. */
  weights: partsSettings.weights,
  offset: partsSettings.offset.default(0),
  ...commonSettings,
});

/** Configuration that determines the reward for a verdict. */
export const rewardConfig = z.discriminatedUnion('type', [
  outcomeRewardConfig,
  scoreRewardConfig,
  partsRewardConfig,
]);
export type RewardConfig = z.output<typeof rewardConfig>;

/**
 * Settings of the rewards that a stage may override. An absent key keeps the run's setting; a key applies to every
 * domain whose reward has it, e.g. `credit` to code and `incorrect` to math. An override of `weights` replaces all of
 * them.
 */
export const rewardOverrides = z
  .strictObject({ ...outcomeSettings, ...scoreSettings, ...partsSettings, ...commonSettings })
  .partial();
export type RewardOverrides = z.output<typeof rewardOverrides>;

/** Returns a domain's reward for a stage. Ignores overrides that are not settings of the reward's type. */
export function overrideReward(
  base: RewardConfig,
  { credit, weights, offset, environment, ...byOutcome }: RewardOverrides,
): RewardConfig {
  const own = { outcome: byOutcome, score: { credit }, parts: { weights, offset } }[base.type];
  return rewardConfig.parse({ ...base, ...withoutAbsent({ ...own, environment }) });
}

/** Configures a reward by outcome; by default 1 for `correct` and 0 for the rest. */
export const outcomeReward = noun(outcomeRewardConfig);

/** Configures a reward by score; by default the fraction of tests passed. */
export const scoreReward = noun(scoreRewardConfig);

/**
 * Configures a reward by the named parts of a `composite`.
 *
 * @example
 * // Correct 1, wrong 0; 0.5 less if the form is wrong.
 * partsReward({ weights: { answer: 1, form: 0.5 }, offset: -0.5 });
 */
export const partsReward = noun(partsRewardConfig);

/**
 * The rewards of R1-Searcher's two stages (arXiv 2503.05592), over parts named `answer` (F1), `format` and `searched`.
 * First stage: 0.5 for a search and 0.5 for the format, regardless of the answer. Second stage: F1, and −2 for a wrong
 * format.
 */
export const r1SearcherRewards = {
  search: { weights: { searched: 0.5, format: 0.5 }, offset: 0 },
  answer: { weights: { answer: 1, format: 2 }, offset: -2 },
} as const satisfies Readonly<Record<string, RewardOverrides>>;

/** Returns the reward for a verdict, or `null` for `ungradable`, which must not be learned from. */
export function rewardOf(config: RewardConfig, verdict: Verdict): number | null {
  const { outcome, score } = verdict;
  if (outcome === 'ungradable') return null;
  switch (config.type) {
    case 'outcome':
      return config[outcome];
    case 'score':
      return config.credit === 'fraction' ? score : Number(score === 1);
    case 'parts':
      return partsRewardOf(config, verdict);
  }
}

function partsRewardOf(
  { weights, offset }: Extract<RewardConfig, { type: 'parts' }>,
  verdict: Verdict,
): number {
  const scores = partScores(verdict);
  return Object.entries(weights).reduce((sum, [name, weight]) => {
    const score = scores.get(name);
    if (score !== undefined) return sum + weight * score;
    throw new ConfigError(
      `reward: expected a part "${name}" in the verdict of ${verdict.verifier}, got ${[...scores.keys()].join(', ') || 'none'}`,
    );
  }, offset);
}
