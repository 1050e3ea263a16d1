import * as z from 'zod';
import { algorithmOverrides } from '../algorithms/algorithm.ts';
import { rewardOverrides } from '../algorithms/reward.ts';
import { levelRuleConfig, type LevelRule } from '../difficulty/levels/level-rules.ts';
import { advanceRuleConfig } from './advance-rules.ts';
import { gateConfig } from './gates/create-gate.ts';
import { samplerConfig } from './samplers/create-sampler.ts';
import { mixConfig } from './samplers/mixed.ts';
import { startsConfig } from './starts/create-starts.ts';

/** Selects the problems in any of the named levels, or those that a rule accepts. */
export const selectConfig = z.union([z.string(), z.array(z.string()).min(1), levelRuleConfig]);

/** Configures which problems are measured again. */
const whereConfig = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('everywhere') }),
  z.strictObject({
    type: z.literal('changed'),
    /**
     * Maximum expected cost, as a share of measuring every problem again. 0: no attempts, only existing
     * evidence.
     */
    share: z
      .number()
      .min(0)
      .max(1)
      .default(1 / 3),
    /** Stop once this share of the misplaced problems is expected to be corrected. */
    recall: z.number().gt(0).max(1).default(0.95),
  }),
]);

/**
 * Measures problems again only if their selection may have changed, e.g. `remeasure: { problems: 'all',
 * rollouts: 8, where: whereChanged() }`. Fits the drift of pass rates to the rollouts of training, which also
 * count as evidence, but less the older they are. Stops attempting a problem when attempts at other problems are more
 * informative.
 */
export function whereChanged(
  options: Omit<Extract<z.input<typeof whereConfig>, { type: 'changed' }>, 'type'> = {},
): z.input<typeof whereConfig> {
  return { type: 'changed', ...options };
}

/** A validated `whereChanged`. */
export type WhereChanged = Extract<z.infer<typeof whereConfig>, { type: 'changed' }>;

/** Measures pass rates again with the current policy when a stage begins. */
export const remeasureConfig = z.strictObject({
  /** Attempts per problem. */
  rollouts: z.int().positive().default(8),
  /**
   * `selected`: only problems that the recorded pass rates select. `all`: every problem; the stage then selects by the
   * new rates, so levels follow the policy. `all` costs more.
   */
  problems: z.enum(['selected', 'all']).default('selected'),
  where: whereConfig.prefault({ type: 'everywhere' }),
  /** Drop problems that are now always solved, as in Skywork-OR1, POLARIS and AM-Thinking. */
  dropAlwaysSolved: z.boolean().default(true),
  /** Drop problems that are now never solved. */
  dropNeverSolved: z.boolean().default(false),
});

/**
 * A stage of reinforcement learning with its own problems, limits and exit rule. The recipe supplies every setting that
 * the stage omits.
 *
 * @example
 * stage('hard problems', {
 *   select: ['medium', 'hard'], mix: { math: 2, code: 1 }, sampler: prioritised(), gates: [zeroAdvantage()],
 *   maxTokens: 24576, algorithm: { entropy: null }, maxSteps: 800, advanceWhen: plateau({ window: 100 }),
 *   remeasure: {},
 * });
 */
export const stageConfig = z.strictObject({
  type: z.literal('stage'),
  name: z.string().min(1),
  /** Problems to train on; absent: every problem. */
  select: selectConfig.optional(),
  /** Domain → weight; absent: domains keep their shares of the pool. */
  mix: mixConfig.optional(),
  sampler: samplerConfig.prefault({ type: 'uniform' }),
  /** Where attempts begin; absent: at the prompt. */
  starts: startsConfig.optional(),
  /** A group must pass all gates to be trained on. */
  gates: z.array(gateConfig).default([]),
  /** Maximum number of extra rounds of rollouts per step, to replace rejected groups. */
  maxRefills: z.int().min(0).default(2),
  problemsPerStep: z.int().positive().optional(),
  groupSize: z.int().min(2).optional(),
  updatesPerStep: z.int().positive().optional(),
  wordings: z.int().positive().optional(),
  /**
   * Frozen reference weights for the KL term: those at the start of the run or of this stage. The latter need memory
   * for a second copy.
   */
  reference: z.enum(['run', 'stage']).default('run'),
  /** Maximum length of a completion in tokens. */
  maxTokens: z.int().positive().optional(),
  temperature: z.number().positive().optional(),
  /** Train without the environments of the recipe, in one turn. */
  closedBook: z.boolean().optional(),
  /** Overrides of the recipe's settings; each replaces the entire setting. */
  algorithm: algorithmOverrides.optional(),
  reward: rewardOverrides.optional(),
  optimizer: z.strictObject({ learningRate: z.number().positive() }).optional(),
  /** Maximum number of steps in the stage. */
  maxSteps: z.int().positive(),
  /** Ends the stage earlier. */
  advanceWhen: advanceRuleConfig.optional(),
  /** Measure pass rates again before the stage begins; absent: use the recorded pass rates. */
  remeasure: remeasureConfig.optional(),
});

/** A validated stage. */
export type StageConfig = z.infer<typeof stageConfig>;

/** Configures a stage of a curriculum, e.g. `stage('warm-up', { select: 'easy', maxSteps: 200 })`. */
export function stage(
  name: string,
  options: Omit<z.input<typeof stageConfig>, 'type' | 'name'>,
): z.input<typeof stageConfig> {
  return { type: 'stage', name, ...options };
}

/** Returns the selection of a stage as one rule, or `null` if it selects every problem. */
export function selectionRule({ select }: Pick<StageConfig, 'select'>): LevelRule | null {
  if (select === undefined) return null;
  if (typeof select === 'string') return { type: 'level', level: select };
  if (!Array.isArray(select)) return select;
  return { type: 'any', rules: select.map((level) => ({ type: 'level', level })) };
}
