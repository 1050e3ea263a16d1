import type { TokenBatch, TrainingBatch } from '../../core/batch.ts';
import { EngineError } from '../../core/errors.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import type { LossStats, OptimStep, StepStats } from '../engine.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import { applyAdamW, gradientNorm } from './adamw.ts';
import { checkTokens, checkTrainingBatch } from './check-batch.ts';
import { createRowLimit } from './memory-budget.ts';
import { createGradientBuffers } from './gradient-buffers.ts';
import { lossStatistics } from './loss-statistics.ts';
import { lossFeeds, type Microbatch, planMicrobatches, splitRows, tokenFeeds } from './microbatches.ts';
import type { MicrobatchRunner } from './microbatch-runner.ts';
import { parameterLayout } from './parameters.ts';

/**
 * Everything a trainer needs to continue bit for bit, besides the weights it was created with, which stay the
 * reference. Arrays are in the order of `parameterLayout`.
 */
export interface TrainerState {
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Updates applied. */
  readonly policyVersion: number;
}

export interface TrainerOptions {
  readonly config: ModelConfig;
  /** Trained in place. Over a `SharedArrayBuffer` where runners live in other threads. */
  readonly weights: Float32Array;
  /** What runs the microbatches; their number and order change no bit of the result. */
  readonly runners: readonly MicrobatchRunner[];
  /** For weights, optimizer and running microbatches together; decides how large a microbatch may be. */
  readonly memoryBudgetBytes: number;
  /** Tokens a microbatch holds at most, padding counted. Larger ones leave the caches. Default 1024. */
  readonly maxMicrobatchTokens?: number;
}

/** Learning on one set of weights: the training half of the `Engine` interface, which says what each method does. */
export interface Trainer {
  readonly policyVersion: number;
  logprobs(batch: TokenBatch, which: 'policy' | 'reference'): Promise<Float32Array[]>;
  forwardBackward(batch: TrainingBatch, spec: LossSpec): Promise<LossStats>;
  optimStep(settings: OptimStep): StepStats;
  /** Copies. Throws an `EngineError` while a gradient waits for `optimStep`. */
  save(): TrainerState;
  /** Takes the state over by copying; a waiting gradient is dropped. */
  restore(state: TrainerState): void;
}

/**
 * A trainer over runners. Gradients of microbatches are summed in batch order in float32, so the result depends on the
 * calls alone, never on threads or timing. When `forwardBackward` fails, what was accumulated is dropped.
 */
export function createTrainer(options: TrainerOptions): Trainer {
  const { config, weights, runners } = options;
  const layout = parameterLayout(config);
  const moments = { first: new Float32Array(layout.length), second: new Float32Array(layout.length) };
  const gradient = new Float32Array(layout.length);
  let buffers = createGradientBuffers(layout.length, runners.length + 1);
  let reference = weights;
  let policyVersion = 0;
  let hasGradient = false;

  const rowsFor = createRowLimit(options);
  const plan = ({ sequences }: TokenBatch | TrainingBatch): Microbatch[] =>
    planMicrobatches(sequences, rowsFor);

  /** The weights as created, for KL; the same memory as the policy until that first changes. */
  const keepReference = (): void => {
    if (reference === weights) reference = sharedCopy(weights);
  };

  const clearGradient = (): void => {
    gradient.fill(0);
    hasGradient = false;
    // After a failure some buffers hold parts whose turn never came.
    if (!buffers.isWhole()) buffers = createGradientBuffers(layout.length, runners.length + 1);
  };

  const logprobs = async (batch: TokenBatch, which: 'policy' | 'reference'): Promise<Float32Array[]> => {
    checkTokens(batch, config);
    const results: Float32Array[] = [];
    await distribute(runners, plan(batch), async (runner, { sequences: indices, shape }) => {
      const sequences = indices.map((index) => batch.sequences[index]!);
      const values = await runner.logprobs({
        weights: which === 'policy' ? weights : reference,
        shape,
        feeds: tokenFeeds(sequences, shape),
        temperature: batch.temperature ?? 1,
      });
      for (const [row, array] of splitRows(values, sequences, shape).entries())
        results[indices[row]!] = array;
    });
    return results;
  };

  const forwardBackward = async (batch: TrainingBatch, spec: LossSpec): Promise<LossStats> => {
    checkTrainingBatch(batch, spec, config);
    const microbatches = plan(batch);
    const inOrder = createSequencer();
    const run = async (runner: MicrobatchRunner, microbatch: Microbatch, order: number) => {
      const sequences = microbatch.sequences.map((index) => batch.sequences[index]!);
      const { shape } = microbatch;
      const feeds = { ...tokenFeeds(sequences, shape), ...lossFeeds(sequences, shape) };
      const part = await buffers.take();
      const job = { weights, shape, feeds, spec, gradient: part };
      const measured = await runner.gradient(job).catch((error: unknown) => {
        buffers.abandon(error);
        throw error;
      });
      inOrder(order, () => {
        addInto(gradient, part);
        buffers.give(part);
      });
      return { microbatch, measured };
    };
    try {
      const results = await distribute(runners, microbatches, run);
      hasGradient = true;
      return lossStatistics(batch, results);
    } catch (error) {
      clearGradient();
      throw error;
    }
  };

  const optimStep = (settings: OptimStep): StepStats => {
    const gradNorm = gradientNorm(gradient);
    const applied = Number.isFinite(gradNorm);
    if (applied) {
      keepReference();
      policyVersion++;
      applyAdamW(layout, weights, gradient, moments, settings, policyVersion, gradNorm);
    }
    clearGradient();
    return { policyVersion, gradNorm, applied };
  };

  return {
    get policyVersion() {
      return policyVersion;
    },
    logprobs,
    forwardBackward,
    optimStep,
    save: () => {
      if (hasGradient)
        throw new EngineError('save: expected no gradient to be waiting, call optimStep first');
      return {
        weights: weights.slice(),
        firstMoment: moments.first.slice(),
        secondMoment: moments.second.slice(),
        policyVersion,
      };
    },
    restore: (state) => {
      keepReference();
      moments.first.set(state.firstMoment);
      moments.second.set(state.secondMoment);
      weights.set(state.weights);
      policyVersion = state.policyVersion;
      clearGradient();
    },
  };
}

/**
 * Each runner takes the next item as soon as it is done with one. Results stand in the order of the items. After a
 * failure nothing new is started, and the first error is thrown once all runners have come to rest.
 */
async function distribute<Item, Result>(
  runners: readonly MicrobatchRunner[],
  items: readonly Item[],
  run: (runner: MicrobatchRunner, item: Item, order: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (runner: MicrobatchRunner): Promise<void> => {
    while (next < items.length) {
      const order = next++;
      try {
        results[order] = await run(runner, items[order]!, order);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(runners.map(work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
}

/** Runs what is handed in under 0, 1, 2, … in that order, whatever order it is handed in. */
function createSequencer(): (order: number, task: () => void) => void {
  const waiting = new Map<number, () => void>();
  let next = 0;
  return (order, task) => {
    waiting.set(order, task);
    for (let ready = waiting.get(next); ready !== undefined; ready = waiting.get(next)) {
      waiting.delete(next++);
      ready();
    }
  };
}

function sharedCopy(values: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(4 * values.length));
  copy.set(values);
  return copy;
}

function addInto(target: Float32Array, values: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + values[i]!;
}
