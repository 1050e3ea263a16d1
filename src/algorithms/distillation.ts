import type { TrainingSequence } from '../core/batch.ts';
import type { LossSpec } from '../core/loss-spec.ts';
import type { Transcript } from '../core/transcript.ts';

/**
 * Returns the loss of on-policy distillation, which is REINFORCE with a reward per token. With the advantage
 * A_t = log q_t − log π_t of a token that the policy π wrote and the teacher q scored, −A_t · ∇ log π_t is
 * the gradient of (log π_t − log q_t)² / 2, and its expectation over tokens written by π is the gradient of
 * KL(π ‖ q) at each position.
 */
export const distillationLoss = (temperature: number): LossSpec => ({
  policy: { type: 'reinforce' },
  kl: null,
  entropy: null,
  importance: null,
  temperature,
});

/** Sequences to learn from, and the reverse KL that they estimate. */
export interface DistillationBatch {
  readonly sequences: readonly TrainingSequence[];
  /** Mean of log π − log q over written tokens, before clipping, in nats. */
  readonly kl: number;
  readonly tokens: number;
}

/**
 * Builds the batch of one update: written tokens have equal weights that sum to 1.
 *
 * @param teacher the teacher's log-probabilities per transcript, at the sampling temperature.
 * @param clip bound on the absolute value of each advantage; null: unbounded.
 */
export function buildDistillationBatch(
  transcripts: readonly Transcript[],
  teacher: readonly Float32Array[],
  clip: number | null,
): DistillationBatch {
  const tokens = transcripts.reduce((sum, { written }) => sum + lengthOf(written), 0);
  const bound = clip ?? Infinity;
  let total = 0;
  const sequences = transcripts.map(({ tokens: ids, logprobs, written }, i) => {
    const [weights, advantages] = [new Float32Array(ids.length), new Float32Array(ids.length)];
    for (const { start, end } of written) {
      weights.fill(1 / tokens, start, end);
      for (let t = start; t < end; t++) {
        const advantage = teacher[i]![t]! - logprobs[t]!;
        total -= advantage;
        advantages[t] = Math.max(-bound, Math.min(bound, advantage));
      }
    }
    return { tokens: ids, weights, advantages, rolloutLogprobs: logprobs };
  });
  return { sequences, kl: tokens === 0 ? 0 : total / tokens, tokens };
}

const lengthOf = (written: Transcript['written']): number =>
  written.reduce((sum, { start, end }) => sum + end - start, 0);
