import * as z from 'zod';
import { algorithmOverrides } from '../algorithms/algorithm.ts';
import { rewardOverrides } from '../algorithms/reward.ts';
import { levelRuleConfig, type LevelRule } from '../difficulty/levels/level-rules.ts';
import { advanceRuleConfig } from './advance-rules.ts';
import { gateConfig } from './gates/create-gate.ts';
import { samplerConfig } from './samplers/create-sampler.ts';
import { mixConfig } from './samplers/mixed.ts';

/** Where measuring again spends its attempts. */
const whereConfig = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('everywhere') }),
  z.strictObject({
    type: z.literal('changed'),
    /** Most rollouts to expect, as a share of measuring every problem again. 0: none, what is known must do. */
    share: z
      .number()
      .min(0)
      .max(1)
      .default(1 / 3),
    /** Spend no more once this share of the answers that are wrong by now is expected to be found and mended. */
    recall: z.number().gt(0).max(1).default(0.95),
  }),
]);

/**
 * Measures again where the answer may have changed, e.g. `remeasure: { problems: 'all', rollouts: 8, where: whereChanged() }`.
 * How fast pass rates move is learned from training's own rollouts, which count as evidence, the less the older they
 * are; attempts at a problem end once more of them are better spent on others.
 */
export function whereChanged(
  options: Omit<Extract<z.input<typeof whereConfig>, { type: 'changed' }>, 'type'> = {},
): z.input<typeof whereConfig> {
  return { type: 'changed', ...options };
}

/** A validated `whereChanged`. */
export type WhereChanged = Extract<z.infer<typeof whereConfig>, { type: 'changed' }>;

/** Measuring pass rates again, with the policy as it is when a stage begins. */
export const remeasureConfig = z.strictObject({
  /** Attempts per problem. */
  rollouts: z.int().positive().default(8),
  /**
   * `selected`: only what the pass rates on record select. `all`: every problem, and the stage selects by the new rates,
   * so that levels follow the moving policy; costs more.
   */
  problems: z.enum(['selected', 'all']).default('selected'),
  where: whereConfig.prefault({ type: 'everywhere' }),
  /** Leave out what is solved every time now (Skywork-OR1, POLARIS, AM-Thinking do). */
  dropAlwaysSolved: z.boolean().default(true),
  /** Leave out what is never solved now. */
  dropNeverSolved: z.boolean().default(false),
});

/**
 * A span of training with its own problems, limits and exit test. What a stage leaves out stays as the recipe has it.
 *
 * @example
 * stage('hard problems', {
 *   select: ['medium', 'hard'], mix: { math: 2, code: 1 }, sampler: prioritised(), gates: [zeroAdvantage()],
 *   maxTokens: 24576, algorithm: { entropy: null }, maxSteps: 800, advanceWhen: plateau({ window: 100 }), remeasure: {},
 * });
 */
export const stageConfig = z.strictObject({
  type: z.literal('stage'),
  name: z.string().min(1),
  /** Levels by name (a problem of any of them), or a rule. Absent: every problem. */
  select: z.union([z.string(), z.array(z.string()).min(1), levelRuleConfig]).optional(),
  /** Domain → weight; absent: domains come as they are in the pool. */
  mix: mixConfig.optional(),
  sampler: samplerConfig.prefault({ type: 'uniform' }),
  /** A group must pass all of them to be trained on. */
  gates: z.array(gateConfig).default([]),
  /** Extra rounds of rollouts per step to replace groups that gates turned away. */
  maxRefills: z.int().min(0).default(2),
  problemsPerStep: z.int().positive().optional(),
  groupSize: z.int().min(2).optional(),
  updatesPerStep: z.int().positive().optional(),
  /** Longest completion in tokens. */
  maxTokens: z.int().positive().optional(),
  temperature: z.number().positive().optional(),
  /** Settings that replace the recipe's, each as a whole. */
  algorithm: algorithmOverrides.optional(),
  reward: rewardOverrides.optional(),
  optimizer: z.strictObject({ learningRate: z.number().positive() }).optional(),
  /** The stage ends here at the latest. */
  maxSteps: z.int().positive(),
  /** Ends the stage earlier. */
  advanceWhen: advanceRuleConfig.optional(),
  /** Measure again before the stage begins; absent: the pass rates on record hold. */
  remeasure: remeasureConfig.optional(),
});

/** A validated stage. */
export type StageConfig = z.infer<typeof stageConfig>;

/** A stage of a curriculum, e.g. `stage('warm-up', { select: 'easy', maxSteps: 200 })`. */
export function stage(
  name: string,
  options: Omit<z.input<typeof stageConfig>, 'type' | 'name'>,
): z.input<typeof stageConfig> {
  return { type: 'stage', name, ...options };
}

/** What a stage selects as one rule; `null` is every problem. */
export function selectionRule({ select }: Pick<StageConfig, 'select'>): LevelRule | null {
  if (select === undefined) return null;
  if (typeof select === 'string') return { type: 'level', level: select };
  if (!Array.isArray(select)) return select;
  return { type: 'any', rules: select.map((level) => ({ type: 'level', level })) };
}
