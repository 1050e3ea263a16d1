import type { TokenBatch, TrainingBatch } from '../../../core/batch.ts';
import { EngineError } from '../../../core/errors.ts';
import type { LossSpec } from '../../../core/loss-spec.ts';
import type { LossStats, OptimStep, StepStats } from '../../engine.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { checkTrainingBatch } from '../../requests/check-batch.ts';
import { createRowLimit } from '../memory-budget.ts';
import type { AdamWUpdate } from './adamw.ts';
import { allDone, distribute } from './distribute.ts';
import { createGradientBuffers, type GradientBuffers } from './gradient-buffers.ts';
import { lossStatistics } from './loss-statistics.ts';
import { lossFeeds, type Microbatch, planMicrobatches, tokenFeeds } from './microbatches.ts';
import type { MicrobatchRunner } from './microbatch-runner.ts';
import { parameterLayout } from '../parameters.ts';
import { createScorer, type Scorer } from './scorer.ts';

/**
 * State that continues training bit for bit. The initial weights are not part of it: they stay the reference. Arrays
 * are in the order of `parameterLayout`.
 */
export interface TrainerState {
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Updates applied to the weights. */
  readonly policyVersion: number;
  /** Updates by the current optimizer, which its bias correction needs. */
  readonly optimizerSteps: number;
}

export interface TrainerOptions {
  readonly config: ModelConfig;
  /** Trained in place. Must be over a `SharedArrayBuffer` when runners live in other threads. */
  readonly weights: Float32Array;
  /** Execute the jobs; their number and order do not change a bit of the result. */
  readonly runners: readonly MicrobatchRunner[];
  /** Memory for weights, optimizer and running microbatches together; limits the size of a microbatch. */
  readonly memoryBudgetBytes: number;
  /** Most tokens in a microbatch, padding included. Larger ones exceed the caches. Default 1024. */
  readonly maxMicrobatchTokens?: number;
}

/** Trains one set of weights: the training half of the `Engine` interface, which documents each method. */
export interface Trainer extends Scorer {
  readonly policyVersion: number;
  forwardBackward(batch: TrainingBatch, spec: LossSpec): Promise<LossStats>;
  /** Throws an `EngineError` while a gradient waits for `optimStep`. */
  gradientNorm(batch: TrainingBatch, spec: LossSpec): Promise<number>;
  /** Runs alone: no other call and no reader of the weights meanwhile. A failure leaves the weights invalid. */
  optimStep(settings: OptimStep): Promise<StepStats>;
  /** Returns a copy. Throws an `EngineError` while a gradient waits for `optimStep`. */
  save(): TrainerState;
  /** Copies the state in; drops a pending gradient. */
  restore(state: TrainerState): void;
}

/**
 * Creates a trainer over runners. Sums gradients of microbatches in batch order in float32, so the result depends on
 * the calls alone, never on threads or timing. A failing `forwardBackward` drops the accumulated gradient.
 */
export function createTrainer(options: TrainerOptions): Trainer {
  const { config, weights, runners } = options;
  const layout = parameterLayout(config);
  const [gradient, firstMoment] = [sharedVector(layout.length), sharedVector(layout.length)];
  const secondMoment = sharedVector(layout.length);
  let buffers = createGradientBuffers(layout.length, runners.length + 1);
  let reference = weights;
  let [policyVersion, optimizerSteps] = [0, 0];
  let hasGradient = false;

  const rowsFor = createRowLimit(options);
  const plan = ({ sequences }: TokenBatch | TrainingBatch): Microbatch[] =>
    planMicrobatches(sequences, rowsFor);

  const weightsOf = (which: 'policy' | 'reference') => (which === 'policy' ? weights : reference);

  /** Initial weights, for KL; shares memory with the policy until the first update. */
  const keepReference = (): void => {
    if (reference === weights) reference = sharedCopy(weights);
  };

  const clearGradient = (): void => {
    gradient.fill(0);
    hasGradient = false;
    // After a failure, some buffers still hold parts that were never added.
    if (!buffers.isWhole()) buffers = createGradientBuffers(layout.length, runners.length + 1);
  };

  const { logprobs, topLogprobs } = createScorer({ config, runners, plan, weightsOf });

  const forwardBackward = async (batch: TrainingBatch, spec: LossSpec): Promise<LossStats> => {
    checkTrainingBatch(batch, spec, config);
    const parts = { runners, buffers, weights, gradient };
    try {
      const results = await sumGradients(parts, batch, spec, plan(batch));
      hasGradient = true;
      return lossStatistics(batch, results);
    } catch (error) {
      clearGradient();
      throw error;
    }
  };

  const gradientNorm = async (batch: TrainingBatch, spec: LossSpec): Promise<number> => {
    if (hasGradient)
      throw new EngineError('gradientNorm: expected no pending gradient, call optimStep first');
    try {
      await forwardBackward(batch, spec);
      return await runners[0]!.norm(gradient);
    } finally {
      clearGradient();
    }
  };

  const optimStep = async (settings: OptimStep): Promise<StepStats> => {
    const norm = await runners[0]!.norm(gradient);
    if (!Number.isFinite(norm)) {
      clearGradient();
      return { policyVersion, gradNorm: norm, applied: false };
    }
    keepReference();
    const update = { weights, gradient, firstMoment, secondMoment, settings, norm, step: optimizerSteps + 1 };
    await updateAll(runners, update);
    hasGradient = false;
    optimizerSteps++;
    return { policyVersion: ++policyVersion, gradNorm: norm, applied: true };
  };

  return {
    get policyVersion() {
      return policyVersion;
    },
    logprobs,
    topLogprobs,
    forwardBackward,
    gradientNorm,
    optimStep,
    save: () => {
      if (hasGradient) throw new EngineError('save: expected no pending gradient, call optimStep first');
      return { ...copies({ weights, firstMoment, secondMoment }), policyVersion, optimizerSteps };
    },
    restore: (state) => {
      keepReference();
      firstMoment.set(state.firstMoment);
      secondMoment.set(state.secondMoment);
      weights.set(state.weights);
      ({ policyVersion, optimizerSteps } = state);
      clearGradient();
    },
  };
}

type Parts = Pick<TrainerOptions, 'weights' | 'runners'> & {
  readonly buffers: GradientBuffers;
  readonly gradient: Float32Array;
};

/** Computes the gradient of each microbatch and adds it to `gradient`, in batch order. */
async function sumGradients(
  { runners, buffers, weights, gradient }: Parts,
  batch: TrainingBatch,
  spec: LossSpec,
  microbatches: readonly Microbatch[],
) {
  const inOrder = createSequencer();
  return distribute(runners, microbatches, async (runner, microbatch, order) => {
    const sequences = microbatch.sequences.map((index) => batch.sequences[index]!);
    const { shape } = microbatch;
    const feeds = { ...tokenFeeds(sequences, shape), ...lossFeeds(sequences, shape) };
    const part = await buffers.take();
    try {
      const measured = await runner.gradient({ weights, shape, feeds, spec, gradient: part });
      await inOrder(order, runner, async (idle) => {
        await idle.sum({ total: gradient, part });
        buffers.give(part);
      });
      return { microbatch, measured };
    } catch (error) {
      buffers.abandon(error);
      throw error;
    }
  });
}

/** Updates all weights, each runner an equal range of them. */
function updateAll(
  runners: readonly MicrobatchRunner[],
  update: Omit<AdamWUpdate, 'from' | 'to'>,
): Promise<void> {
  const bound = (part: number): number => Math.floor((update.weights.length * part) / runners.length);
  return allDone(runners.map((runner, i) => runner.update({ ...update, from: bound(i), to: bound(i + 1) })));
}

type Task = (runner: MicrobatchRunner) => Promise<void>;

/**
 * Runs tasks numbered 0, 1, 2, … in that order, whatever order they are submitted in. The runner that submits the next
 * task in line also runs all tasks that became ready.
 */
function createSequencer(): (order: number, runner: MicrobatchRunner, task: Task) => Promise<void> {
  const waiting = new Map<number, Task>();
  let next = 0;
  let isRunning = false;
  return async (order, runner, task) => {
    waiting.set(order, task);
    if (isRunning) return;
    isRunning = true;
    for (let ready = waiting.get(next); ready !== undefined; ready = waiting.get(next)) {
      waiting.delete(next++);
      await ready(runner);
    }
    isRunning = false;
  };
}

type Vectors = Omit<TrainerState, 'policyVersion' | 'optimizerSteps'>;

function copies({ weights, firstMoment, secondMoment }: Vectors): Vectors {
  return {
    weights: weights.slice(),
    firstMoment: firstMoment.slice(),
    secondMoment: secondMoment.slice(),
  };
}

function sharedCopy(values: Float32Array): Float32Array {
  const copy = sharedVector(values.length);
  copy.set(values);
  return copy;
}

function sharedVector(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}
