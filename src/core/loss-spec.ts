/**
 * A loss described as data: `src/algorithms` creates it and every engine computes it.
 *
 * For every token t with weight w_t ≠ 0 the loss adds
 *
 *     w_t · ( importance_t · policy_t + kl.coefficient · kl_t − entropy.coefficient · H_t )
 *
 * The sum is not normalised further: the caller's weights include the aggregation (token mean, sequence mean,
 * constant), so the result does not depend on microbatching, padding or accumulation.
 *
 * Notation: π_t the current policy's probability of token t, old_t the `policyLogprobs` given with the batch
 * (if absent, the current policy's own, without gradient), rollout_t the `rolloutLogprobs`, A_t the
 * advantage, r_t = π_t / old_t.
 */
export interface LossSpec {
  readonly policy: PolicyTerm;
  /** Penalty for diverging from the reference policy; `null` needs no reference log-probabilities. */
  readonly kl: KlTerm | null;
  /** Bonus for the entropy of the next-token distribution; `null` disables it. */
  readonly entropy: { readonly coefficient: number } | null;
  /** Correction for a mismatch between sampler and trainer probabilities (TIS); `null` disables it. */
  readonly importance: ImportanceTerm | null;
  /** Logits are divided by this before every softmax, as they were when sampling. */
  readonly temperature: number;
}

/** Supervised learning: the weighted mean of −log π. */
export const crossEntropyLoss: LossSpec = {
  policy: { type: 'cross-entropy' },
  kl: null,
  entropy: null,
  importance: null,
  temperature: 1,
};

/** The part of the loss that depends on the advantages. */
export type PolicyTerm =
  | {
      /** PPO's clipped surrogate: −min(r·A, clip(r, 1−low, 1+high)·A). GRPO, Dr. GRPO, DAPO; GSPO with `ratio: 'sequence'`. */
      readonly type: 'clipped';
      /**
       * `sequence`: r is the geometric mean of the ratios of the tokens with non-zero weight (GSPO eq. 7).
       */
      readonly ratio: 'token' | 'sequence';
      readonly clipLow: number;
      readonly clipHigh: number;
      /** For A < 0 the loss is at most −dualClip·A (verl's `clip_ratio_c`); `null` disables it. */
      readonly dualClip: number | null;
    }
  | {
      /** CISPO: −stopgrad(clip(r, min, max))·A·log π. Bounds are absolute ratios. */
      readonly type: 'cispo';
      readonly minRatio: number;
      readonly maxRatio: number;
    }
  /** −A·log π: REINFORCE, RLOO. */
  | { readonly type: 'reinforce' }
  /** −log π: supervised learning; advantages are ignored. */
  | { readonly type: 'cross-entropy' };

/** With d = log ref − log π: k1 = −d, k2 = d²/2, k3 = e^d − d − 1 (Schulman). */
export interface KlTerm {
  readonly estimator: 'k1' | 'k2' | 'k3';
  readonly coefficient: number;
}

/**
 * Weight old_t / rollout_t without gradient; `truncate` caps it at `cap`, `mask` zeroes weights above it.
 * `sequence` uses the product over the tokens with non-zero weight.
 */
export interface ImportanceTerm {
  readonly level: 'token' | 'sequence';
  readonly mode: 'truncate' | 'mask';
  readonly cap: number;
}
