import type { TokenBatch, TrainingBatch } from '../../../core/batch.ts';
import { EngineError } from '../../../core/errors.ts';
import type { LossSpec } from '../../../core/loss-spec.ts';
import type { LossStats, OptimStep, StepStats } from '../../engine.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { checkTrainingBatch } from '../../requests/check-batch.ts';
import { createMicrobatchRule, type MicrobatchRule } from '../memory-budget.ts';
import type { AdamWUpdate } from './adamw.ts';
import { allDone, distribute } from './distribute.ts';
import { createGradientBuffers, type GradientBuffers } from './gradient-buffers.ts';
import { lossStatistics } from './loss-statistics.ts';
import { lossFeeds, type Microbatch, planMicrobatches, tokenFeeds } from './microbatches.ts';
import type { MicrobatchRunner } from './microbatch-runner.ts';
import { parameterLayout } from '../parameters.ts';
import type { BatchShape } from '../transformer.ts';
import { createScorer, type Scorer } from './scorer.ts';

/**
 * State from which training continues bit for bit. It does not include the initial weights, which remain the reference.
 * Arrays are in the order of `parameterLayout`.
 */
export type TrainerState = StateVectors & StateCounts;

/** The vectors of a state, one element per weight. */
export interface StateVectors {
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/** The counts of a state. */
export interface StateCounts {
  /** Number of updates applied to the weights. */
  readonly policyVersion: number;
  /** Number of updates by the current optimizer, for its bias correction. */
  readonly optimizerSteps: number;
}

export interface TrainerOptions {
  readonly config: ModelConfig;
  /** The weights, trained in place. They must be in a `SharedArrayBuffer` if runners are in other threads. */
  readonly weights: Float32Array;
  /**
   * Runners that execute the jobs; their number and order do not affect results. A pass in layers trains on only the
   * first runner.
   */
  readonly runners: readonly MicrobatchRunner[];
  /** Total memory for weights, optimizer and running microbatches; see `createMicrobatchRule`. */
  readonly memoryBudgetBytes: number;
  /**
   * Reads the initial weights again when the reference is first needed. Default: the trainer copies them before the
   * first update.
   */
  readonly readInitial?: ((into: Float32Array) => Promise<void>) | undefined;
  /**
   * Maximum number of tokens in a microbatch, including padding. Larger microbatches exceed the caches. Default 1024.
   */
  readonly maxMicrobatchTokens?: number;
}

/** Trains one set of weights: the training half of the `Engine` interface, which documents each method. */
export interface Trainer extends Scorer {
  readonly policyVersion: number;
  forwardBackward(batch: TrainingBatch, spec: LossSpec): Promise<LossStats>;
  /** Throws an `EngineError` if an accumulated gradient is waiting for `optimStep`. */
  gradientNorm(batch: TrainingBatch, spec: LossSpec): Promise<number>;
  /**
   * Requires exclusive access: no other call and no reader of the weights may be active. A failure leaves the
   * weights invalid.
   */
  optimStep(settings: OptimStep): Promise<StepStats>;
  /**
   * Returns the arrays in use, which the next update changes. Throws an `EngineError` if an accumulated gradient is
   * waiting for `optimStep`.
   */
  save(): TrainerState;
  /**
   * Calls `load`, which fills the arrays in use and returns the counts; drops a pending gradient. Must run exclusively,
   * like `optimStep`.
   */
  restore(load: (into: StateVectors) => Promise<StateCounts>): Promise<void>;
}

/**
 * Creates a trainer that uses the given runners. Sums gradients of microbatches in batch order in float32, so that the
 * result depends only on the calls, never on threads or timing. A failing `forwardBackward` drops the accumulated
 * gradient.
 */
export function createTrainer(options: TrainerOptions): Trainer {
  const { config, weights } = options;
  const { inLayers, rowsFor, keptLayers } = createMicrobatchRule(options);
  const runners = inLayers ? options.runners.slice(0, 1) : options.runners;
  const layout = parameterLayout(config);
  const [gradient, firstMoment] = [sharedVector(layout.length), sharedVector(layout.length)];
  const secondMoment = sharedVector(layout.length);
  let buffers = createGradientBuffers(layout.length, runners.length + 1);
  const reference = createReference(weights, options.readInitial);
  let [policyVersion, optimizerSteps] = [0, 0];
  let hasGradient = false;

  const plan = ({ sequences }: TokenBatch | TrainingBatch): Microbatch[] =>
    planMicrobatches(sequences, rowsFor);

  const weightsOf = async (which: 'policy' | 'reference'): Promise<Float32Array> =>
    which === 'policy' ? weights : reference.read();

  const clearGradient = (): void => {
    gradient.fill(0);
    hasGradient = false;
    // After a failure, some buffers still contain parts that were never added.
    if (!buffers.isWhole()) buffers = createGradientBuffers(layout.length, runners.length + 1);
  };

  const { logprobs, topLogprobs } = createScorer({ config, runners, inLayers, plan, weightsOf });

  const forwardBackward = async (batch: TrainingBatch, spec: LossSpec): Promise<LossStats> => {
    checkTrainingBatch(batch, spec, config);
    const keepsFor = (shape: BatchShape): number =>
      keptLayers(shape, spec.kl !== null || reference.isApart());
    const parts = { runners, buffers, weights, gradient, inLayers, keepsFor };
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
      throw new EngineError('gradientNorm: expected no pending gradient; call optimStep first');
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
    reference.keep();
    const update = { weights, gradient, firstMoment, secondMoment, settings, norm, step: optimizerSteps + 1 };
    await updateAll(options.runners, update);
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
      if (hasGradient) throw new EngineError('save: expected no pending gradient; call optimStep first');
      return { weights, firstMoment, secondMoment, policyVersion, optimizerSteps };
    },
    restore: async (load) => {
      reference.keep();
      ({ policyVersion, optimizerSteps } = await load({ weights, firstMoment, secondMoment }));
      clearGradient();
    },
  };
}

/** The initial weights, for the KL term. They share memory with the policy until its first update. */
interface Reference {
  /** Preserves the initial weights; called before each change of the weights. */
  keep(): void;
  read(): Promise<Float32Array>;
  /** Returns whether the reference has its own copy of the weights. */
  isApart(): boolean;
}

function createReference(weights: Float32Array, readInitial: TrainerOptions['readInitial']): Reference {
  let values: Float32Array | null = weights;
  return {
    keep: () => {
      if (values !== weights) return;
      values = readInitial === undefined ? sharedVector(weights.length) : null;
      values?.set(weights);
    },
    read: async () => {
      if (values !== null) return values;
      const read = sharedVector(weights.length);
      await readInitial!(read);
      values = read;
      return read;
    },
    isApart: () => values !== null && values !== weights,
  };
}

type Parts = Pick<TrainerOptions, 'weights' | 'runners'> &
  Pick<MicrobatchRule, 'inLayers'> & {
    /** Returns the number of blocks whose matrix products a microbatch of this shape keeps. */
    readonly keepsFor: (shape: BatchShape) => number;
    readonly buffers: GradientBuffers;
    readonly gradient: Float32Array;
  };

/** Computes the gradient of each microbatch and adds it to `gradient`, in batch order. */
async function sumGradients(
  { runners, buffers, weights, gradient, inLayers, keepsFor }: Parts,
  batch: TrainingBatch,
  spec: LossSpec,
  microbatches: readonly Microbatch[],
) {
  const inOrder = createSequencer();
  return distribute(runners, microbatches, async (runner, microbatch, order) => {
    const sequences = microbatch.sequences.map((index) => batch.sequences[index]!);
    const { shape } = microbatch;
    const feeds = { ...tokenFeeds(sequences, shape), ...lossFeeds(sequences, shape) };
    const job = { weights, shape, feeds, spec, inLayers, keptLayers: keepsFor(shape) };
    // In layers, microbatches run one after another and add to the gradient themselves.
    if (inLayers) return { microbatch, measured: await runner.gradient({ ...job, gradient }) };
    const part = await buffers.take();
    try {
      const measured = await runner.gradient({ ...job, gradient: part });
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

/** Updates all weights; each runner updates an equal range of them. */
function updateAll(
  runners: readonly MicrobatchRunner[],
  update: Omit<AdamWUpdate, 'from' | 'to'>,
): Promise<void> {
  const bound = (part: number): number => Math.floor((update.weights.length * part) / runners.length);
  return allDone(runners.map((runner, i) => runner.update({ ...update, from: bound(i), to: bound(i + 1) })));
}

type Task = (runner: MicrobatchRunner) => Promise<void>;

/**
 * Runs tasks numbered 0, 1, 2, … in that order, no matter in which order they are submitted. The runner that submits
 * the next task in order also runs all later tasks that are then ready.
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

function sharedVector(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}
