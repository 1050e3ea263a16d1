import type { TokenBatch, TrainingBatch, TrainingSequence } from '../../core/batch.ts';
import { EngineError } from '../../core/errors.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import type { ModelConfig } from '../model-files/model-config.ts';

/** Throws an `EngineError` naming the first sequence that is empty or contains an unknown token or target. */
export function checkTokens({ sequences }: TokenBatch | TrainingBatch, { vocabSize }: ModelConfig): void {
  for (const [index, { tokens, targets = tokens }] of sequences.entries()) {
    if (tokens.length === 0) throw invalid(index, 'at least one token', 'none');
    if (targets.length !== tokens.length)
      throw invalid(index, `${tokens.length} targets, one per token`, `${targets.length}`);
    for (const ids of [tokens, targets]) {
      const unknown = ids.findIndex((token) => token < 0 || token >= vocabSize);
      if (unknown !== -1)
        throw invalid(index, `token ids below ${vocabSize}`, `${ids[unknown]} at ${unknown}`);
    }
  }
}

/** Throws an `EngineError` naming the first sequence for which this loss cannot be computed. */
export function checkTrainingBatch(batch: TrainingBatch, spec: LossSpec, config: ModelConfig): void {
  checkTokens(batch, config);
  for (const [index, sequence] of batch.sequences.entries()) {
    checkLengths(sequence, index);
    if (sequence.weights[0] !== 0) throw invalid(index, 'weight 0 on token 0', `${sequence.weights[0]}`);
    if (spec.kl !== null && sequence.referenceLogprobs === undefined) {
      throw invalid(index, 'referenceLogprobs for the KL term', 'none');
    }
  }
}

function checkLengths(sequence: TrainingSequence, index: number): void {
  const { tokens, weights, advantages, rolloutLogprobs, policyLogprobs, referenceLogprobs } = sequence;
  const arrays = { weights, advantages, rolloutLogprobs, policyLogprobs, referenceLogprobs };
  for (const [name, array] of Object.entries(arrays)) {
    if (array !== undefined && array.length !== tokens.length) {
      throw invalid(index, `${tokens.length} ${name}, one per token`, `${array.length}`);
    }
  }
}

function invalid(index: number, expected: string, got: string): EngineError {
  return new EngineError(`batch, sequence ${index}: expected ${expected}, got ${got}`, {
    code: 'BATCH_INVALID',
  });
}
