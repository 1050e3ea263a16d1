import { availableParallelism } from 'node:os';
import * as z from 'zod';
import type { TokenBatch, TrainingBatch } from '../../core/batch.ts';
import { byteCount, byteSizeSchema } from '../../core/text/byte-size.ts';
import { EngineError } from '../../core/errors.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import { noun } from '../../core/config-builder.ts';
import type {
  Completion,
  CompletionPart,
  EngineInfo,
  FrozenPolicy,
  Learner,
  LearningEngine,
  LoadOptions,
  LossStats,
  ModelWeights,
  OptimStep,
  Renderer,
  Sampler,
  SampleRequest,
  StepStats,
  TopLogprobs,
} from '../engine.ts';
import {
  hashWeights,
  type ModelFolder,
  openModelFolder,
  writeModelFolder,
} from '../model-files/model-folder.ts';
import { exportedConfigJson } from '../model-files/config-file.ts';
import type { NamedTensor } from '../model-files/safetensors.ts';
import { createArrivals } from '../../core/async/async-queue.ts';
import { rendererOf } from '../model-files/renderer.ts';
import { completionMaker } from '../requests/completion.ts';
import { loaded } from '../requests/load-state.ts';
import { chooseLaneLayout } from './lanes/lane-layout.ts';
import { type Lane, openLane } from './lanes/lane.ts';
import { keptPastBytes, programBudget, trainsInLayers } from './memory-budget.ts';
import { checkpointTensors, parameterLayout } from './parameters.ts';
import { samplingJob, shareJob } from '../requests/sampling-request.ts';
import { openEngineState, writeEngineState } from './state.ts';
import { createTrainer, type Trainer } from './learning/trainer.ts';
import type { Past } from './sampling/key-value-cache.ts';
import { KeptPasts } from './sampling/kept-pasts.ts';

/** Settings of the embedded engine. They do not affect computed numbers. */
export const embeddedConfig = z.strictObject({
  type: z.literal('embedded'),
  /**
   * Number of worker threads that sample and train in parallel; models that train in layers use one for
   * training. Default: see `chooseLaneLayout`.
   */
  lanes: z.int().min(1).max(64).optional(),
  /** ONNX Runtime threads per lane. Default: 1 for small models, otherwise measured at startup. */
  threads: z.int().min(1).max(64).optional(),
  /** Number of sequences that each lane decodes concurrently. */
  slots: z.int().min(1).max(4096).default(64),
  /** Total memory for weights, optimizer and running microbatches. */
  memoryBudget: byteSizeSchema.default('2GiB'),
  /** Element type of exported weights. */
  exportType: z.enum(['bf16', 'f32']).default('bf16'),
});

/** Input of `embeddedConfig`. */
export type EmbeddedOptions = Omit<z.input<typeof embeddedConfig>, 'type'>;

/** Configures the embedded engine, which needs only npm: ONNX Runtime in worker threads. */
export const embedded = noun(embeddedConfig);

/** Options of `openEmbeddedEngine`: settings and the model folder. */
export type EmbeddedEngineOptions = EmbeddedOptions & {
  readonly type?: 'embedded';
  readonly model: string;
  /** Folder of a state written by `saveState`, whose weights replace the model's. */
  readonly state?: string | undefined;
};

/**
 * Opens a Hugging Face folder of a dense model for sampling and training on the CPU. Throws a `DataError` if the folder
 * is invalid. Weights are in shared memory; all heavy work runs in worker threads.
 */
export async function openEmbeddedEngine(options: EmbeddedEngineOptions): Promise<LearningEngine> {
  const { model, state, ...settings } = options;
  const config = embeddedConfig.parse({ ...settings, type: 'embedded' });
  const folder = await openModelFolder(model);
  checkDense(folder);
  const layout = parameterLayout(folder.config);
  const weights = new Float32Array(new SharedArrayBuffer(4 * layout.length));
  const tensors = checkpointTensors(folder.config, weights);
  await folder.readWeights(tensors);
  const memoryBudgetBytes = byteCount(config.memoryBudget);
  const { lanes: count, threads } = await chooseLaneLayout(
    folder.config,
    { ...config, memoryBudgetBytes },
    availableParallelism(),
  );
  const lanes = Array.from({ length: count }, () =>
    openLane({
      config: folder.config,
      folder: model,
      threads,
      slots: config.slots,
      maxSequenceTokens: folder.config.maxPositions,
      endTokens: folder.tokenizer.endTokens,
      memoryBudgetBytes: programBudget(folder.config, memoryBudgetBytes, count),
    }),
  );
  return loaded(new EmbeddedEngine({ config, folder, weights, tensors, lanes, threads }), state);
}

function checkDense({ path, config: { architecture, experts } }: ModelFolder): void {
  if (experts === undefined) return;
  throw new EngineError(
    `${path}: expected a dense model for the embedded engine, got a mixture of experts (${architecture})`,
    { code: 'MODEL_UNSUPPORTED', tryNext: "use engine: 'torch', or --engine torch" },
  );
}

/** Reads the initial weights again. Throws an `EngineError` if the files have changed since the engine was opened. */
async function readInitial(folder: ModelFolder, into: Float32Array, modelHash: string): Promise<void> {
  const tensors = checkpointTensors(folder.config, into);
  await folder.readWeights(tensors);
  const found = hashWeights(tensors);
  if (found === modelHash) return;
  throw new EngineError(
    `${folder.path}: expected the weights that the engine was opened with (${modelHash.slice(0, 12)}) as the reference, ` +
      `got other weights (${found.slice(0, 12)}); the folder has changed`,
    { code: 'MODEL_CHANGED', tryNext: 'restore the folder, then resume the run' },
  );
}

interface Parts {
  readonly config: z.output<typeof embeddedConfig>;
  readonly folder: ModelFolder;
  /** All weights in shared memory, as a flat vector and as one view per tensor. */
  readonly weights: Float32Array;
  readonly tensors: readonly NamedTensor[];
  readonly lanes: readonly Lane[];
  /** ONNX Runtime threads per lane. */
  readonly threads: number;
}

/** Weights from which a request samples. */
interface SampledPolicy {
  readonly values: Float32Array;
  /** Identifies `values`; changes whenever they change, including by `loadState`. */
  readonly version: number;
  readonly policyVersion: number;
}

/** See {@link openEmbeddedEngine}. */
class EmbeddedEngine implements LearningEngine, Sampler, ModelWeights, Learner {
  readonly sampler = this;
  readonly renderer: Renderer;
  readonly weights = this;
  readonly learner = this;
  readonly #parts: Parts;
  readonly #trainer: Trainer;
  readonly #modelHash: string;
  /** Sampling jobs in progress, which read the weights; updates wait for them. */
  readonly #reading = new Set<Promise<unknown>>();
  /** The running or waiting update of the weights; new readers wait for it. */
  #changing: Promise<unknown> | null = null;
  /** Version of the current weights, and the newest version of any weights. */
  #weightsVersion = 0;
  #lastVersion = 0;
  #jobs = 0;
  readonly #kept: KeptPasts;
  /** Error of a failed update. The update may be half applied, so the weights are unusable. */
  #lost: unknown = null;
  /** The previous training call; training calls run in call order. */
  #previous: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.renderer = rendererOf(parts.folder.tokenizer);
    this.#modelHash = hashWeights(parts.tensors);
    const { config } = parts.folder;
    const memoryBudgetBytes = byteCount(parts.config.memoryBudget);
    const lanes = parts.lanes.length;
    this.#kept = new KeptPasts(keptPastBytes(config, memoryBudgetBytes, lanes));
    this.#trainer = createTrainer({
      config,
      weights: parts.weights,
      runners: parts.lanes,
      memoryBudgetBytes,
      readInitial: trainsInLayers(config, memoryBudgetBytes)
        ? (into) => readInitial(parts.folder, into, this.#modelHash)
        : undefined,
    });
  }

  get info(): EngineInfo {
    const { folder, weights, lanes, threads } = this.#parts;
    return {
      engine: 'embedded',
      model: folder.path,
      modelHash: this.#modelHash,
      architecture: folder.config.architecture,
      parameters: weights.length,
      vocabSize: folder.config.vocabSize,
      maxSequenceTokens: folder.config.maxPositions,
      device: `cpu (${lanes.length} lanes × ${threads} threads)`,
    };
  }

  get policyVersion(): number {
    return this.#trainer.policyVersion;
  }

  sample(request: SampleRequest, signal?: AbortSignal): AsyncIterable<CompletionPart | Completion> {
    return this.#sampleWith(null, request, signal);
  }

  async freezePolicy(): Promise<FrozenPolicy> {
    while (this.#changing !== null) await this.#changing;
    if (this.#lost !== null) throw this.#lost;
    const { weights } = this.#parts;
    const values = new Float32Array(new SharedArrayBuffer(weights.byteLength));
    values.set(weights);
    const frozen = { ...this.#livePolicy(), values, version: ++this.#lastVersion };
    return {
      policyVersion: frozen.policyVersion,
      sampler: {
        info: this.info,
        sample: (request, signal) => this.#sampleWith(frozen, request, signal),
      },
      // The copy can be garbage-collected once the last stream has ended.
      [Symbol.asyncDispose]: async () => this.#kept.dropVersion(frozen.version),
    };
  }

  #livePolicy(): SampledPolicy {
    const { weights } = this.#parts;
    return { values: weights, version: this.#weightsVersion, policyVersion: this.#trainer.policyVersion };
  }

  /** @param frozen the policy to sample from; null: the current weights. */
  async *#sampleWith(
    frozen: SampledPolicy | null,
    request: SampleRequest,
    signal: AbortSignal | undefined,
  ): AsyncIterable<CompletionPart | Completion> {
    const { lanes, folder } = this.#parts;
    const { vocabSize, maxPositions } = folder.config;
    const { render, decode } = this.renderer;
    const prepared = samplingJob(request, { vocabSize, maxSequenceTokens: maxPositions, render });
    const { given } = prepared;
    const complete = completionMaker(prepared, decode);
    if (frozen === null) while (this.#changing !== null) await this.#changing;
    if (this.#lost !== null) throw this.#lost;
    const { policyVersion, ...policy } = frozen ?? this.#livePolicy();
    const pastOf = (place: number): Past | undefined => this.#kept.take(given[place]!, policy.version);
    const prompts = prepared.job.prompts.map((prompt, place) => ({ ...prompt, past: pastOf(place) }));
    const job = { ...prepared.job, prompts };
    const aborted = new Int32Array(new SharedArrayBuffer(4));
    const stream = createArrivals<CompletionPart | Completion>();
    const abort = (): void => {
      Atomics.store(aborted, 0, 1);
      stream.end();
    };
    if (signal?.aborted === true) return;
    // Distribute jobs that are too small for all lanes round-robin.
    const turn = this.#jobs++;
    const running = shareJob(job, lanes.length).map(({ job: share, origin }, lane) =>
      lanes[(lane + turn) % lanes.length]!.sample(share, policy, aborted, (written, parts) => {
        const wholeJob = (prompt: number): number => origin[prompt]!;
        for (const { prompt, index, tokens } of parts)
          stream.push({ type: 'part', key: job.prompts[wholeJob(prompt)]!.key, index, tokens });
        for (const { past, ...one } of written) {
          const completion = complete({ ...one, prompt: wholeJob(one.prompt), policyVersion });
          if (past !== undefined) this.#kept.keep(completion.transcript, policy.version, past);
          stream.push(completion);
        }
      }),
    );
    const all = Promise.all(running);
    if (frozen === null) this.#holdWeights(Promise.allSettled(running));
    all.then(
      () => stream.end(),
      (error: unknown) => stream.fail(error),
    );
    signal?.addEventListener('abort', abort, { once: true });
    try {
      yield* stream;
    } finally {
      signal?.removeEventListener('abort', abort);
      abort();
    }
  }

  logprobs(batch: TokenBatch, which: 'policy' | 'reference'): Promise<Float32Array[]> {
    return this.#inOrder(() => this.#trainer.logprobs(batch, which));
  }

  topLogprobs(batch: TokenBatch, count: number): Promise<TopLogprobs[]> {
    return this.#inOrder(() => this.#trainer.topLogprobs(batch, count));
  }

  forwardBackward(batch: TrainingBatch, loss: LossSpec): Promise<LossStats> {
    return this.#inOrder(() => this.#trainer.forwardBackward(batch, loss));
  }

  gradientNorm(batch: TrainingBatch, loss: LossSpec): Promise<number> {
    return this.#inOrder(() => this.#trainer.gradientNorm(batch, loss));
  }

  optimStep(step: OptimStep): Promise<StepStats> {
    return this.#inOrder(() => this.#change(() => this.#trainer.optimStep(step)));
  }

  saveState(dir: string): Promise<void> {
    return this.#inOrder(() => writeEngineState(dir, this.#trainer.save(), this.#modelHash));
  }

  loadState(dir: string, { optimizer }: LoadOptions = {}): Promise<void> {
    return this.#inOrder(async () => {
      const state = await openEngineState(dir, this.#parts.weights.length, this.#modelHash);
      await this.#change(() =>
        this.#trainer.restore(async ({ weights, firstMoment, secondMoment }) => {
          if (optimizer === undefined) {
            await state.read({ weights, firstMoment, secondMoment });
            return state.counts;
          }
          await state.read({ weights });
          firstMoment.fill(0);
          secondMoment.fill(0);
          return { ...state.counts, optimizerSteps: 0 };
        }),
      );
    });
  }

  exportModel(dir: string): Promise<void> {
    const { folder, tensors, config } = this.#parts;
    return this.#inOrder(() =>
      writeModelFolder(dir, {
        config: exportedConfigJson(folder.json, folder.config.tieEmbeddings),
        tensors,
        weightType: config.exportType,
        companionsFrom: folder.path,
        endTokens: folder.tokenizer.endTokens,
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#parts.lanes.map((lane) => lane[Symbol.asyncDispose]()));
  }

  #holdWeights(job: Promise<unknown>): void {
    this.#reading.add(job);
    void job.then(() => this.#reading.delete(job));
  }

  /** Runs a change of the weights once the current readers have finished; new readers wait until it ends. */
  async #change<Result>(run: () => Promise<Result>): Promise<Result> {
    const change = Promise.all(this.#reading).then(() => {
      this.#kept.dropVersion(this.#weightsVersion);
      this.#weightsVersion = ++this.#lastVersion;
      return run();
    });
    this.#changing = change.catch(() => {});
    try {
      return await change;
    } catch (error) {
      this.#lost = error;
      throw error;
    } finally {
      this.#changing = null;
    }
  }

  /** Runs a training call after all earlier ones have settled. */
  #inOrder<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#previous.then(() => {
      if (this.#lost !== null) throw this.#lost;
      return run();
    });
    this.#previous = result.catch(() => {});
    return result;
  }
}
