/** A token sequence to be scored: prompt and completion together, without padding. Length T ≥ 1. */
export interface TokenSequence {
  readonly tokens: Int32Array;
  /**
   * Labels that replace the tokens to predict, but not the input: entry t is scored or learned instead of token t,
   * given the tokens before t. Length T; entry 0 is not read. Default: the tokens themselves.
   */
  readonly targets?: Int32Array;
}

/** Input of `logprobs`. */
export interface TokenBatch {
  readonly sequences: readonly TokenSequence[];
  /** Logits are divided by this before the softmax. Default 1. */
  readonly temperature?: number;
}

/**
 * A sequence to learn from. Every array has the length of `tokens`; index t refers to token t (its probability given the
 * tokens before it). Entries with weight 0 (the prompt, masked tokens) are never read. Index 0 must have weight 0, because
 * no token predicts it.
 */
export interface TrainingSequence extends TokenSequence {
  /** Weight of each token in the loss; includes mask and normaliser. */
  readonly weights: Float32Array;
  readonly advantages: Float32Array;
  /** Log-probabilities at sampling time. */
  readonly rolloutLogprobs: Float32Array;
  /**
   * "Old" log-probabilities for the ratio. Default: the current policy's own, without gradient (on-policy).
   */
  readonly policyLogprobs?: Float32Array;
  /** Required if the loss has a KL term. */
  readonly referenceLogprobs?: Float32Array;
}

/** Input of `forwardBackward`. */
export interface TrainingBatch {
  readonly sequences: readonly TrainingSequence[];
}
