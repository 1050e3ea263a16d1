import { learningRateAt } from '../../algorithms/optimizer.ts';
import type { ScoredGroup } from '../../algorithms/scored-group.ts';
import { buildTrainingBatch } from '../../algorithms/training-batch.ts';
import type { TrainingBatch, TrainingSequence } from '../../core/batch.ts';
import { EngineError } from '../../core/errors.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import type { LearningEngine, OptimStep } from '../../engines/engine.ts';
import type { NoiseParts } from '../../curriculum/worth/critical-batch.ts';
import { isNoiseStep, measureNoise } from './gradient-noise.ts';
import { learningMetrics, type Metrics, type Update } from './step-metrics.ts';
import type { LiveStage } from './collect-batch.ts';

/** Position of an update in the run. */
export interface UpdateMoment {
  /** 1-based step of the run. */
  readonly step: number;
  /** Step in the learning-rate schedule, which does not count steps that imitated or distilled. Default: `step`. */
  readonly rateStep?: number;
  /** Last possible step in the schedule, at which a cosine schedule ends. */
  readonly lastStep: number;
}

/** The result of a step's updates. */
export interface Learned {
  /** Number of updates applied. */
  readonly made: number;
  /** Number of updates skipped because their gradient was not finite. */
  readonly skipped: number;
  readonly metrics: Metrics;
}

/**
 * Makes the optimizer updates of a step on admitted groups, which already have advantages. For each
 * mini-batch, computes the weights and the loss specification, then the gradient and the update. Skips
 * updates with a non-finite gradient, which leave the policy unchanged.
 *
 * @returns null if the groups have no training signal; the policy is then unchanged.
 * @throws EngineError if the loss is not finite although its gradient is.
 */
export async function learnFrom(
  engine: LearningEngine,
  stage: LiveStage,
  groups: readonly ScoredGroup[],
  { step, rateStep = step, lastStep }: UpdateMoment,
): Promise<Learned | null> {
  const { sampling, optimizer, updatesPerStep, problemsPerStep } = stage.settings;
  const { temperature, maxTokens } = sampling;
  // If gates leave fewer groups than planned, make fewer updates instead of smaller ones.
  const count = Math.ceil((updatesPerStep * groups.length) / problemsPerStep);
  const dealt = deal(groups, count);
  const batches = dealt
    .map((some) => buildTrainingBatch(some, stage.algorithm, { maxTokens }))
    .filter(({ sequences }) => sequences.length > 0);
  if (batches.length === 0) return null;

  const spec = stage.algorithm.lossSpec({ temperature });
  const learningRate = learningRateAt(optimizer, rateStep, lastStep);
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = optimizer;
  const clip = maxGradNorm === null ? {} : { maxGradNorm };
  const adam = { learningRate, beta1, beta2, epsilon, weightDecay, ...clip };
  const [first, ...later] = await withOldPolicy(engine, batches, temperature);
  // Measure the first update, which is on-policy, as are both halves of its batch.
  const measured = {
    learner: engine.learner,
    groups: dealt[0]!,
    algorithm: stage.algorithm,
    maxTokens,
    spec,
  };
  const noiseAt = isNoiseStep(step) ? await measureNoise(measured) : null;
  const made: (Update | null)[] = [];
  for (const batch of [first!, ...later])
    made.push(await update(engine, await withReference(engine, stage, batch, spec), spec, adam, step));
  const updates = made.filter((one) => one !== null);
  const scoredBefore = later.flatMap(({ sequences }) => sequences);
  const skipped = made.length - updates.length;
  const metrics = {
    ...learningMetrics(updates, scoredBefore, learningRate),
    'optim/updates': updates.length,
    'optim/skippedUpdates': skipped,
    ...noiseMetrics(made[0] === null ? null : (noiseAt?.(made[0]!.update.gradNorm ?? NaN) ?? null)),
  };
  return { made: updates.length, skipped, metrics };
}

const noiseMetrics = (parts: NoiseParts | null): Metrics =>
  parts === null ? {} : { 'gradient/noise': parts.noise, 'gradient/signal': parts.signal };

/** Makes one optimizer update; returns `null` if the gradient was not finite and nothing changed. */
async function update(
  engine: LearningEngine,
  batch: TrainingBatch,
  spec: LossSpec,
  adam: OptimStep,
  step: number,
): Promise<Update | null> {
  const loss = await engine.learner.forwardBackward(batch, spec);
  const made = await engine.learner.optimStep(adam);
  if (!made.applied) return null;
  if (Number.isFinite(loss.loss)) return { loss, update: made };
  throw new EngineError(
    `step ${step}: the gradient is finite but the loss is ${loss.loss}; the last checkpoint is intact`,
    { code: 'NON_FINITE', tryNext: 'gradus train <recipe> --set optimizer.learningRate=1e-6' },
  );
}

/** Deals groups round-robin, so that each domain, whose groups are adjacent, is spread over the mini-batches. */
function deal(groups: readonly ScoredGroup[], count: number): ScoredGroup[][] {
  return Array.from({ length: count }, (_, hand) => groups.filter((_group, index) => index % count === hand));
}

/**
 * Adds the old policy's log-probabilities to every later mini-batch. The old policy is the one before the first update;
 * it wrote the rollouts. The first mini-batch is on-policy and needs none.
 *
 * @throws EngineError if that policy assigns non-finite log-probabilities to its own rollouts.
 */
async function withOldPolicy(
  engine: LearningEngine,
  [first, ...later]: readonly TrainingBatch[],
  temperature: number,
): Promise<TrainingBatch[]> {
  if (later.length === 0) return [first!];
  const sequences = later.flatMap((batch) => batch.sequences);
  const scored = await engine.weights.logprobs({ sequences, temperature }, 'policy');
  if (!scored.every((logprobs) => logprobs.every(Number.isFinite))) {
    throw new EngineError(
      'the policy gives non-finite probabilities to its own rollouts; the last checkpoint is intact',
      { code: 'NON_FINITE', tryNext: 'gradus train <recipe> --set optimizer.learningRate=1e-6' },
    );
  }
  const old = scored.values();
  const complete = (sequence: TrainingSequence): TrainingSequence => ({
    ...sequence,
    policyLogprobs: old.next().value!,
  });
  return [first!, ...later.map((batch) => ({ sequences: batch.sequences.map(complete) }))];
}

/** Adds reference log-probabilities if the loss has a KL term. */
async function withReference(
  engine: LearningEngine,
  stage: LiveStage,
  batch: TrainingBatch,
  spec: LossSpec,
): Promise<TrainingBatch> {
  if (spec.kl === null) return batch;
  const { sequences } = batch;
  const scored = { sequences, temperature: spec.temperature };
  const reference = await (stage.reference?.logprobs(scored, 'policy') ??
    engine.weights.logprobs(scored, 'reference'));
  return {
    sequences: sequences.map((sequence, i) => ({ ...sequence, referenceLogprobs: reference[i]! })),
  };
}
