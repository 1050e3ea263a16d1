/** A token sequence to be scored: prompt and completion together, without padding. Length T ≥ 1. */
export interface TokenSequence {
  readonly tokens: Int32Array;
}

/** What `logprobs` scores. */
export interface TokenBatch {
  readonly sequences: readonly TokenSequence[];
  /** Logits are divided by this before the softmax. Default 1. */
  readonly temperature?: number;
}

/**
 * A sequence to learn from. Every array has the length of `tokens` and index t speaks of token t (its probability given
 * the tokens before it); entries with weight 0 (the prompt, masked tokens) are never read. Index 0 must have weight 0:
 * nothing predicts it.
 */
export interface TrainingSequence extends TokenSequence {
  /** The share of each token in the loss; carries mask and normaliser. */
  readonly weights: Float32Array;
  readonly advantages: Float32Array;
  /** Log-probabilities when it was sampled. */
  readonly rolloutLogprobs: Float32Array;
  /** "Old" log-probabilities for the ratio. Absent: the current policy's own, without gradient (on-policy). */
  readonly policyLogprobs?: Float32Array;
  /** Needed when the loss has a KL term. */
  readonly referenceLogprobs?: Float32Array;
}

/** What `forwardBackward` learns from. */
export interface TrainingBatch {
  readonly sequences: readonly TrainingSequence[];
}
