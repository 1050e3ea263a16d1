import type { OptimizerConfig } from '../../algorithms/optimizer.ts';
import { learningRateAt } from '../../algorithms/optimizer.ts';
import { DataError } from '../../core/errors.ts';
import type { LearningEngine } from '../../engines/engine.ts';
import { learnSequences, planBatches, type SupervisedStep } from '../../supervised/supervised.ts';
import { sum } from '../../statistics/summary.ts';
import type { LabelTokens } from '../scorer-labels.ts';
import { labelSequence, type LabelledAttempt } from './labelled-attempt.ts';

/** Settings for training a scorer. */
export interface ScorerSettings {
  /** Number of attempts per step. */
  readonly batchSize: number;
  readonly epochs: number;
  readonly optimizer: OptimizerConfig;
  /** Seed for the order of the attempts. */
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: SupervisedStep) => void;
}

/**
 * Trains a model to predict the label after each prefix: cross-entropy, averaged over the labels of a batch.
 *
 * @throws DataError if no attempt fits the model's window; EngineError if the loss is not finite.
 */
export async function trainScorer(
  engine: LearningEngine,
  attempts: readonly LabelledAttempt[],
  labels: LabelTokens,
  { optimizer, signal, onStep, ...plan }: ScorerSettings,
): Promise<SupervisedStep> {
  const window = engine.sampler.info.maxSequenceTokens ?? Infinity;
  const fitting = attempts.filter(({ tokens }) => tokens.length < window);
  if (fitting.length === 0)
    throw new DataError(
      `expected attempts shorter than the model's window of ${window} tokens, got none of ${attempts.length}`,
    );
  const { lastStep, batch } = planBatches(fitting, plan);
  let report: SupervisedStep | undefined;
  for (let step = 1; step <= lastStep; step++) {
    signal?.throwIfAborted();
    const rate = learningRateAt(optimizer, step, lastStep);
    const sequences = trainingSequences(batch(step), labels);
    const { sequences: _, ...learned } = await learnSequences(engine.learner, sequences, rate, optimizer);
    report = { step, lastStep, ...learned, tokens: learned.tokens + (report?.tokens ?? 0) };
    onStep?.(report);
  }
  return report!;
}

/** Returns training sequences whose weights sum to 1. */
function trainingSequences(attempts: readonly LabelledAttempt[], labels: LabelTokens) {
  const rows = attempts.map((attempt) => labelSequence(attempt, labels));
  const total = sum(rows.map(({ weights }) => sum(weights)));
  return rows.map(({ weights, ...row }) => {
    const zeros = new Float32Array(weights.length);
    return { ...row, weights: weights.map((one) => one / total), advantages: zeros, rolloutLogprobs: zeros };
  });
}
