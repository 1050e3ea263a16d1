import { learningRateAt } from '../algorithms/optimizer.ts';
import type { ScoredGroup } from '../algorithms/scored-group.ts';
import { buildTrainingBatch } from '../algorithms/training-batch.ts';
import type { TrainingBatch } from '../core/batch.ts';
import { EngineError } from '../core/errors.ts';
import type { LossSpec } from '../core/loss-spec.ts';
import type { Engine } from '../engines/engine.ts';
import { learningMetrics, type Metrics } from './metrics.ts';
import type { LiveStage } from './roll-batch.ts';

/** Where in the run an update happens. */
export interface UpdateMoment {
  /** 1 for the first step of the run. */
  readonly step: number;
  /** The last step the run can have: where a cosine schedule ends. */
  readonly lastStep: number;
}

/**
 * One optimizer update on admitted groups: rewards are already advantages, so weights, loss as data, gradient, step.
 *
 * @returns metrics, or `null` when the groups hold nothing to learn and the policy stays as it is.
 * @throws EngineError when the loss or the gradient is not finite; the policy is unchanged then.
 */
export async function learnFrom(
  engine: Engine,
  stage: LiveStage,
  groups: readonly ScoredGroup[],
  { step, lastStep }: UpdateMoment,
): Promise<Metrics | null> {
  const { sampling, optimizer } = stage.settings;
  const batch = buildTrainingBatch(groups, stage.algorithm, { maxTokens: sampling.maxTokens });
  if (batch.sequences.length === 0) return null;

  const spec = stage.algorithm.lossSpec({ temperature: sampling.temperature });
  const loss = await engine.forwardBackward(await withReference(engine, batch, spec), spec);
  const learningRate = learningRateAt(optimizer, step, lastStep);
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = optimizer;
  const clip = maxGradNorm === null ? {} : { maxGradNorm };
  const update = await engine.optimStep({ learningRate, beta1, beta2, epsilon, weightDecay, ...clip });
  if (!update.applied || !Number.isFinite(loss.loss)) {
    throw new EngineError(
      `step ${step}: expected a finite loss and gradient, got loss ${loss.loss} and gradient norm ${update.gradNorm}; ` +
        'the policy was not changed and the last checkpoint is intact. A smaller learning rate usually helps.',
      { code: 'NON_FINITE', tryNext: 'gradus train <recipe> --set optimizer.learningRate=1e-6' },
    );
  }
  return learningMetrics(loss, update, learningRate);
}

/** Reference log-probabilities, where the loss has a KL term. */
async function withReference(engine: Engine, batch: TrainingBatch, spec: LossSpec): Promise<TrainingBatch> {
  if (spec.kl === null) return batch;
  const { sequences } = batch;
  const reference = await engine.logprobs({ sequences, temperature: spec.temperature }, 'reference');
  return {
    sequences: sequences.map((sequence, i) => ({ ...sequence, referenceLogprobs: reference[i]! })),
  };
}
