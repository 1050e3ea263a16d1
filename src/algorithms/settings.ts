import * as z from 'zod';
import type { ImportanceTerm, KlTerm, LossSpec, PolicyTerm } from '../core/loss-spec.ts';

/**
 * Aggregation of token losses. Every mode aggregates over the complete batch, so microbatches cannot change the result.
 */
const aggregationMode = z.enum([
  /** Every token weighs the same (DAPO eq. 8): long rollouts count more. */
  'token-mean',
  /** Every rollout weighs the same; its tokens share the weight equally (GRPO eq. 3). */
  'sequence-mean-token-mean',
  /** The sum is divided by rollouts × a fixed length (Dr. GRPO): no length bias in either direction. */
  'constant',
]);

/** Penalty for diverging from the reference policy. DeepSeek's GRPO used k3. */
const klTerm = z.strictObject({
  estimator: z.enum(['k1', 'k2', 'k3']).default('k3'),
  coefficient: z.number().positive(),
}) satisfies z.ZodType<KlTerm>;

/**
 * Correction for the mismatch between sampler and trainer; the default is token-level truncated importance sampling.
 */
const importanceTerm = z.strictObject({
  level: z.enum(['token', 'sequence']).default('token'),
  mode: z.enum(['truncate', 'mask']).default('truncate'),
  cap: z.number().positive().default(2),
}) satisfies z.ZodType<ImportanceTerm>;

/** Treatment of a rollout that hit the token limit. */
const truncatedPolicy = z.union([
  z.enum([
    /** Judged and trained on like any other rollout. */
    'keep',
    /**
     * Excluded from the loss and its normaliser; its reward still counts in the group's baseline (as in TRL
     * and verl).
     */
    'mask',
    /** The reward is 0, whatever the verdict. */
    'zero',
  ]),
  /**
   * DAPO eq. 13: the reward falls linearly by up to 1 over the last `cache` tokens before the limit, whether or not the
   * rollout is truncated.
   */
  z.strictObject({ softOverlong: z.strictObject({ cache: z.int().positive() }) }),
]);

/** Settings of every algorithm, without defaults: the settings that a stage may override. */
export const settings = {
  kl: klTerm.nullable(),
  /** Coefficient of the entropy bonus; `null` disables it. */
  entropy: z.number().positive().nullable(),
  importance: importanceTerm.nullable(),
  truncated: truncatedPolicy,
  aggregation: aggregationMode,
  /** The fixed length by which `constant` divides; `null` means the stage's token limit. */
  constantTokens: z.int().positive().nullable(),
  /**
   * Groups that the normaliser counts. `all` includes groups without a signal, as in TRL and verl (steps
   * shrink when signals are rare). `signal` counts only groups with a non-zero advantage (every step has the
   * same size).
   */
  normaliseOver: z.enum(['all', 'signal']),
  /**
   * `episode`: every turn of an attempt has the advantage of the attempt. `return-to-go`: a turn has the
   * advantage of the rewards from this turn on; see `turnAdvantages`. They differ only if an environment
   * rewards turns.
   */
  advantages: z.enum(['episode', 'return-to-go']),
};

/** `settings` with the shared defaults. On-policy with one engine, all importance weights are 1. */
export const commonSettings = {
  kl: settings.kl.default(null),
  entropy: settings.entropy.default(null),
  importance: settings.importance.default({ level: 'token', mode: 'truncate', cap: 2 }),
  truncated: settings.truncated.default('keep'),
  constantTokens: settings.constantTokens.default(null),
  normaliseOver: settings.normaliseOver.default('all'),
  advantages: settings.advantages.default('episode'),
};

/** Clip ratios of PPO's surrogate, without defaults. */
export const clipSettings = {
  /** Clips the ratio from below at 1 − clipLow. */
  clipLow: z.number().positive().lt(1),
  /** Clips the ratio from above at 1 + clipHigh. */
  clipHigh: z.number().positive(),
  /** Bound on the loss if the advantage is negative: verl's `clip_ratio_c` (default 3), TRL's `delta`. */
  dualClip: z.number().gt(1).nullable(),
};

/** Added to the standard deviation before dividing by it: verl 1e-6, TRL 1e-4. */
export const advantageEpsilon = z.number().positive().default(1e-6);

/** Removes keys that are present but `undefined`, which would reset a setting to its default. */
export const withoutAbsent = (overrides: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));

/** Settings after a schema has applied the defaults. */
export type Settings = { readonly [Key in keyof typeof settings]: z.output<(typeof settings)[Key]> };

/**
 * An algorithm: computes advantages from a group's rewards, and describes its loss as data.
 *
 * @example
 * const algorithm = createAlgorithm(algorithmConfig.parse(grpo()));
 * algorithm.advantages([1, 0, 0, 1]); // ≈ [0.87, −0.87, −0.87, 0.87]
 */
export interface Algorithm extends Omit<Settings, 'kl' | 'entropy' | 'importance' | 'advantages'> {
  /** Whether turns share the advantage of their attempt; from the setting `advantages`. */
  readonly credit: Settings['advantages'];
  /** Returns one advantage per reward of a group; all are exactly 0 if the rewards carry no signal. */
  advantages(rewards: readonly number[]): Float64Array;
  lossSpec(sampling: { readonly temperature: number }): LossSpec;
}

/** Builds an algorithm from its settings, its advantages and its policy term. */
export function describeAlgorithm(
  { kl, entropy, importance, ...rest }: Settings,
  parts: { readonly advantages: Algorithm['advantages']; readonly policy: PolicyTerm },
): Algorithm {
  return {
    truncated: rest.truncated,
    aggregation: rest.aggregation,
    constantTokens: rest.constantTokens,
    normaliseOver: rest.normaliseOver,
    credit: rest.advantages,
    advantages: parts.advantages,
    lossSpec: ({ temperature }) => ({
      policy: parts.policy,
      kl,
      entropy: entropy === null ? null : { coefficient: entropy },
      importance,
      temperature,
    }),
  };
}
