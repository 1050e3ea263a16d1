import * as z from 'zod';
import { noun } from '../core/config-builder.ts';

const maxStepsRule = z.strictObject({ type: z.literal('max-steps'), steps: z.int().positive() });

const plateauRule = z.strictObject({
  type: z.literal('plateau'),
  metric: z.string().default('reward/mean'),
  /**
   * Number of measured steps in the fit; the rule never fires before there are this many. Short windows fire
   * by chance.
   */
  window: z.int().min(3).default(50),
  /** A slope counts as rising if it is more than this many standard errors above zero. */
  standardErrors: z.number().min(0).default(2),
  /**
   * If set, the rule also requires that even the steepest slope within `standardErrors` would gain at most
   * this over another window. Prevents stopping because of noise alone.
   */
  negligibleGain: z.number().positive().nullable().default(null),
});

const targetRateRule = z.strictObject({
  type: z.literal('target-rate'),
  metric: z.string().default('reward/mean'),
  above: z.number(),
  /** Number of measured steps to average. */
  window: z.int().positive().default(10),
});

interface Combination<R> {
  type: 'any' | 'all';
  rules: R[];
}

type Leaf = z.infer<typeof maxStepsRule> | z.infer<typeof plateauRule> | z.infer<typeof targetRateRule>;
type LeafInput = z.input<typeof maxStepsRule> | z.input<typeof plateauRule> | z.input<typeof targetRateRule>;

/** A rule that ends a stage. */
export type AdvanceRule = Leaf | Combination<AdvanceRule>;
/** A rule as written in a recipe; settings with defaults may be omitted. */
export type AdvanceRuleInput = LeafInput | Combination<AdvanceRuleInput>;

const rules = z.array(z.lazy((): typeof advanceRuleConfig => advanceRuleConfig)).min(1);

/**
 * - `max-steps`: the given number of steps is complete (inside `all`, at least that many);
 * - `plateau`: the metric stopped rising. Over the last `window` steps that measured it, a least-squares line has slope
 *   b with standard error s; the rule fires when b ≤ standardErrors · s, i.e. the slope is not significantly above 0;
 * - `target-rate`: the metric's mean over the last `window` steps that measured it is above a value;
 * - `any`, `all`: one of several rules fires, or all of them do.
 */
export const advanceRuleConfig: z.ZodType<AdvanceRule, AdvanceRuleInput> = z.discriminatedUnion('type', [
  maxStepsRule,
  plateauRule,
  targetRateRule,
  z.strictObject({ type: z.literal('any'), rules }),
  z.strictObject({ type: z.literal('all'), rules }),
]);

/** Ends a stage after a number of steps. */
export function maxSteps(steps: number): AdvanceRuleInput {
  return { type: 'max-steps', steps };
}

/** Ends a stage when a metric stops rising, e.g. `plateau({ metric: 'reward/mean', window: 100 })`. */
export const plateau = noun(plateauRule);

/** Ends a stage when a metric is high enough, e.g. `targetRate({ above: 0.8 })`. */
export const targetRate = noun(targetRateRule);

/** Ends a stage when the first of several rules fires. */
export function whenAny(...inner: AdvanceRuleInput[]): AdvanceRuleInput {
  return { type: 'any', rules: inner };
}

/** Ends a stage when several rules fire at the same step. */
export function whenAll(...inner: AdvanceRuleInput[]): AdvanceRuleInput {
  return { type: 'all', rules: inner };
}

/** A validated `plateau` rule. */
export type PlateauRule = z.infer<typeof plateauRule>;
/** A validated `target-rate` rule. */
export type TargetRateRule = z.infer<typeof targetRateRule>;
