import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { TokenBatch, TrainingBatch } from '../../core/batch.ts';
import { byteCount } from '../../core/text/byte-size.ts';
import { durationMs } from '../../core/text/duration.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import { protocolVersion } from '../../protocol/messages.ts';
import { EngineError, GradusError, ProtocolError, WorkerCrashed } from '../../core/errors.ts';
import type { Tensors } from '../../protocol/tensors.ts';
import { checkTokens, checkTrainingBatch } from '../requests/check-batch.ts';
import { createArrivals } from '../../core/async/async-queue.ts';
import { rendererOf } from '../model-files/renderer.ts';
import { completionMaker } from '../requests/completion.ts';
import { loaded } from '../requests/load-state.ts';
import { samplingJob } from '../requests/sampling-request.ts';
import type {
  Completion,
  CompletionPart,
  EngineInfo,
  FrozenPolicy,
  Learner,
  LoadOptions,
  LearningEngine,
  LocalEngine,
  LossStats,
  ModelWeights,
  OptimStep,
  Renderer,
  Sampler,
  SampleRequest,
  StepStats,
} from '../engine.ts';
import { copyCompanions, type ModelFolder, openModelFolder } from '../model-files/model-folder.ts';
import { connectWorker, type OnPart } from './connection.ts';
import { torchConfig, type TorchConfig, type TorchOptions } from './config.ts';
import { splitFlat, targetField, tokenTensors, trainingTensors } from './batch-tensors.ts';
import { openTransport } from './open-transport.ts';
import { findPython, inspectPython, whatIsMissing } from './python.ts';
import { FrozenPolicies } from './frozen-policies.ts';
import { createCollector } from './sampling.ts';
import { isListening, startAgain } from './start-again.ts';
import { type StartedWorker, SupervisedWorker } from './supervisor.ts';

/** Options of `openTorchEngine`: settings and the model folder. */
export interface TorchEngineOptions extends TorchOptions {
  readonly type?: 'torch';
  readonly model: string;
  /**
   * If false, the engine only samples and scores. It then needs 2 bytes per weight instead of 14 or more, which leaves
   * more memory for the cache. Default: true.
   */
  readonly train?: boolean;
  /** Folder of a state written by `saveState`, whose weights replace the model's. */
  readonly state?: string | undefined;
  /**
   * Receives a message for each restart of the worker, and the worker's own messages. Default: emits a process warning.
   */
  readonly notify?: (message: string) => void;
}

/**
 * Opens a Hugging Face folder in a worker process. Throws a `DataError` if the folder is invalid, and a `WorkerCrashed`
 * with the end of the worker's output if the worker cannot start. A worker that crashes later is restarted; see {@link
 * SupervisedWorker}.
 */
export function openTorchEngine(
  options: TorchEngineOptions & { readonly train?: true },
): Promise<LearningEngine>;
export function openTorchEngine(options: TorchEngineOptions): Promise<LocalEngine>;
export function openTorchEngine(options: TorchEngineOptions): Promise<LocalEngine> {
  return open(options);
}

async function open(options: TorchEngineOptions): Promise<TorchEngine> {
  const {
    model,
    state,
    train = true,
    notify = (message) => process.emitWarning(message),
    ...settings
  } = options;
  const config = torchConfig.parse({ ...settings, type: 'torch' });
  const folder = await openModelFolder(model);
  const start = (): Promise<StartedWorker> =>
    startWorker({ folder, config, train, notify }).catch((error: unknown) => explainCrash(error, config));
  const started = await start();
  const supervision = {
    start: () => startAgain(start, config),
    maxReplayBytes: byteCount(config.maxReplay),
    scratch: config.scratch === undefined ? null : resolve(config.scratch),
    notify,
  };
  const worker = new SupervisedWorker(supervision, started);
  const openSampler = (): Promise<TorchEngine> => open({ ...options, ...samplerSettings(config) });
  const parts = { folder, config, train, ...(canOpenSampler(config) && { openSampler }) };
  return loaded(new TorchEngine(worker, parts, started.created), state);
}

/** Returns the settings of a worker that samples from an older policy, on a separate device or on the learner's. */
const samplerSettings = ({
  device,
  samplerDevice,
  ranks,
}: TorchConfig): Pick<TorchEngineOptions, 'train' | 'state' | 'device' | 'ranks'> =>
  samplerDevice === undefined
    ? { train: false, state: undefined, device, ranks }
    : { train: false, state: undefined, device: samplerDevice, ranks: 1 };

/**
 * Returns whether a second worker can sample from older policies. vLLM replicas keep only one version of the weights. A
 * listening worker serves only one client. A worker over ssh keeps the saved weights on its own disk, unless `scratch`
 * names a folder that both machines share.
 */
const canOpenSampler = (config: TorchConfig): boolean =>
  config.vllm === undefined &&
  (config.remote === undefined || (!isListening(config) && config.scratch !== undefined));

/** Options with which the engine was opened. */
interface Opened {
  readonly folder: ModelFolder;
  readonly config: TorchConfig;
  readonly train: boolean;
  /** Opens a second worker, which only samples; absent if a second worker is impossible. */
  readonly openSampler?: () => Promise<TorchEngine>;
}

async function startWorker({
  folder,
  config,
  train,
  notify,
}: Opened & { readonly notify: (message: string) => void }): Promise<StartedWorker> {
  const transport = openTransport(config);
  await using opening = new AsyncDisposableStack();
  const tell = (line: string): void => notify(`PyTorch worker: ${line}`);
  const connection = opening.use(connectWorker(transport, durationMs(config.maxSilence), tell));
  const versions = { min: protocolVersion, max: protocolVersion };
  const client = { name: 'gradus', version: String(protocolVersion) };
  await connection.request('hello', { fields: { protocol: versions, client, token: null } }).answer;
  const { device, dtype, lora, tokensPerMicrobatch, activationCheckpointing, slots } = config;
  const fields = {
    model: resolve(folder.path),
    endTokens: [...folder.tokenizer.endTokens],
    device,
    dtype,
    lora: lora === null ? null : { ...lora, adapter: lora.adapter === null ? null : resolve(lora.adapter) },
    tokensPerMicrobatch,
    activationCheckpointing,
    train,
    slots,
  };
  const { result: created } = await connection.request('createModel', { fields }).answer;
  opening.move();
  return { connection, created };
}

/** Throws the error or, for a crashed local worker whose Python lacks packages, an error that names these packages. */
async function explainCrash(
  error: unknown,
  { remote, command, python = findPython() }: TorchConfig,
): Promise<never> {
  if (!(error instanceof WorkerCrashed) || remote !== undefined || command !== undefined) throw error;
  const missing = await inspectPython(python).then(whatIsMissing, () => ['a Python that starts']);
  if (missing.length === 0) throw error;
  throw new EngineError(`the PyTorch engine: ${python} lacks ${missing.join(', ')}`, {
    code: 'PYTHON_UNFIT',
    cause: error,
    tryNext: 'gradus doctor --fix',
  });
}

/** See {@link openTorchEngine}. */
class TorchEngine implements LocalEngine, Sampler, ModelWeights, Learner {
  readonly sampler = this;
  readonly renderer: Renderer;
  readonly weights = this;
  readonly learner: Learner | undefined;
  readonly #worker: SupervisedWorker;
  readonly #folder: ModelFolder;
  readonly #config: TorchConfig;
  readonly #created: StartedWorker['created'];
  /** Metrics of the last gradient computation. */
  #learned: Figures = {};
  readonly #frozen: FrozenPolicies | undefined;
  readonly freezePolicy?: () => Promise<FrozenPolicy>;
  readonly gradientNorm?: (batch: TrainingBatch, loss: LossSpec) => Promise<number>;

  constructor(
    worker: SupervisedWorker,
    { folder, config, train, openSampler }: Opened,
    created: StartedWorker['created'],
  ) {
    this.#worker = worker;
    this.#folder = folder;
    this.renderer = rendererOf(folder.tokenizer);
    this.#config = config;
    this.learner = train ? this : undefined;
    this.#created = created;
    if (config.tinker === undefined) this.gradientNorm = (batch, loss) => this.#gradientNorm(batch, loss);
    if (!train || openSampler === undefined) return;
    const scratch = config.scratch === undefined ? null : resolve(config.scratch);
    const save = (dir: string): Promise<number> => this.#saveWeights(dir);
    const frozen = new FrozenPolicies({ info: this.info, scratch, save, open: openSampler });
    this.#frozen = frozen;
    this.freezePolicy = () => frozen.freeze();
  }

  get info(): EngineInfo {
    const { modelHash, architecture, parameters, vocabSize, maxSequenceTokens, device, dtype } =
      this.#created;
    return {
      engine: 'torch',
      model: this.#folder.path,
      modelHash,
      architecture,
      parameters,
      vocabSize,
      maxSequenceTokens,
      device: `${device} (${dtype})`,
    };
  }

  get policyVersion(): number {
    return this.#worker.policyVersion;
  }

  async *sample(request: SampleRequest, signal?: AbortSignal): AsyncIterable<CompletionPart | Completion> {
    const { vocabSize, maxSequenceTokens } = this.#created;
    const { render, decode } = this.renderer;
    const prepared = samplingJob(request, { vocabSize, maxSequenceTokens, render });
    const { job } = prepared;
    if (signal?.aborted === true) return;
    const complete = completionMaker(prepared, decode);
    const collector = createCollector(job, decode);
    const first = collector.ask();
    if (first === null) return;
    const stream = createArrivals<CompletionPart | Completion>();
    const onPart: OnPart = (part, tensors) => {
      const { finished, stopped, parts } = collector.add(part, tensors);
      for (const { prompt, ...one } of parts)
        stream.push({ type: 'part', key: job.prompts[prompt]!.key, ...one });
      for (const one of finished) stream.push(complete(one));
      if (stopped.length > 0) sampling.abort(stopped);
      return finished.length > 0;
    };
    const sampling = this.#worker.request('sample', first, { onPart, again: collector.ask });
    let isOver = false;
    const abort = (): void => {
      if (!isOver) sampling.abort(null);
      isOver = true;
      stream.end();
    };
    sampling.answer.then(
      () => {
        isOver = true;
        stream.end();
      },
      (error: unknown) => {
        isOver = true;
        stream.fail(error);
      },
    );
    signal?.addEventListener('abort', abort, { once: true });
    try {
      yield* stream;
    } finally {
      signal?.removeEventListener('abort', abort);
      abort();
    }
  }

  async logprobs(batch: TokenBatch, which: 'policy' | 'reference'): Promise<Float32Array[]> {
    checkTokens(batch, this.#folder.config);
    const { sequences, temperature = 1 } = batch;
    const lengths = sequences.map(({ tokens }) => tokens.length);
    const { answer } = this.#worker.request('logprobs', {
      fields: { which, temperature, lengths, ...targetField(sequences) },
      tensors: tokenTensors(sequences),
    });
    return logprobsIn((await answer).tensors, lengths);
  }

  async forwardBackward(batch: TrainingBatch, loss: LossSpec): Promise<LossStats> {
    checkTrainingBatch(batch, loss, this.#folder.config);
    const lengths = batch.sequences.map(({ tokens }) => tokens.length);
    const { answer } = this.#worker.request('forwardBackward', {
      fields: { loss: { ...loss }, lengths, ...targetField(batch.sequences) },
      tensors: trainingTensors(batch.sequences),
    });
    const { result, tensors } = await answer;
    const { loss: total, tokens, processedTokens, sequences, metrics, ...means } = result;
    this.#learned = finiteOnly(metrics);
    return {
      ...Object.fromEntries(Object.entries(means).map(([name, value]) => [name, value ?? NaN])),
      tokens,
      processedTokens,
      sequences,
      loss: total ?? NaN,
      logprobs: logprobsIn(tensors, lengths),
    };
  }

  async #gradientNorm(batch: TrainingBatch, loss: LossSpec): Promise<number> {
    checkTrainingBatch(batch, loss, this.#folder.config);
    const lengths = batch.sequences.map(({ tokens }) => tokens.length);
    const { answer } = this.#worker.request('gradientNorm', {
      fields: { loss: { ...loss }, lengths, ...targetField(batch.sequences) },
      tensors: trainingTensors(batch.sequences),
    });
    return (await answer).result.norm ?? NaN;
  }

  async optimStep(step: OptimStep): Promise<StepStats> {
    const defaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: null };
    const { result } = await this.#worker.request('optimStep', { fields: { ...defaults, ...step } }).answer;
    const { policyVersion, applied, gradNorm } = result;
    if (applied && gradNorm === null) return { policyVersion, applied };
    return { policyVersion, applied, gradNorm: gradNorm ?? NaN };
  }

  async saveState(dir: string): Promise<void> {
    await this.#worker.request('saveState', { fields: { dir: resolve(dir) } }).answer;
    await requireHere(dir, this.#config);
  }

  async #saveWeights(dir: string): Promise<number> {
    const { result } = await this.#worker.request('saveState', { fields: { dir, weightsOnly: true } }).answer;
    return result.policyVersion;
  }

  async loadState(dir: string, { optimizer }: LoadOptions = {}): Promise<void> {
    const fresh = optimizer === 'new' ? { newOptimizer: true } : {};
    await this.#worker
      .request('loadState', { fields: { dir: resolve(dir), ...fresh } })
      .answer.catch((cause: unknown) => {
        // The worker returns this code only if the state is missing, damaged or from a different model.
        if (!GradusError.isInstance(cause) || cause.code !== 'WORKER_BAD_REQUEST') throw cause;
        throw new EngineError(cause.message, { code: 'STATE_INVALID', cause });
      });
  }

  restartFrom(dir: string): void {
    this.#worker.restartFrom(resolve(dir));
  }

  async exportModel(dir: string): Promise<void> {
    const fields = { dir: resolve(dir), dtype: this.#config.exportType };
    await this.#worker.request('exportModel', { fields }).answer;
    await requireHere(dir, this.#config);
    await copyCompanions(this.#folder.path, dir);
  }

  async figures(): Promise<Figures> {
    const { result } = await this.#worker.request('stats', { fields: {} }).answer;
    return { ...finiteOnly(result.metrics), ...this.#learned, restarts: this.#worker.restarts };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#frozen?.[Symbol.asyncDispose](), this.#worker[Symbol.asyncDispose]()]);
  }
}

/** Throws if the files do not exist on this machine: a remote worker may have written them to its own disk. */
async function requireHere(dir: string, { remote }: TorchConfig): Promise<void> {
  const found = await readdir(dir).catch(() => []);
  if (found.length > 0) return;
  throw new EngineError(
    `${dir}: expected the files that the worker ${remote === undefined ? '' : `at ${remote} `}wrote, found none; a remote worker needs a disk that both machines see under the same path`,
    { code: 'REMOTE_DISK' },
  );
}

type Figures = Readonly<Record<string, number>>;

/** Omits measurements that are missing. */
const finiteOnly = (all: Readonly<Record<string, number | null>>): Figures =>
  Object.fromEntries(Object.entries(all).filter((entry): entry is [string, number] => entry[1] !== null));

function logprobsIn({ logprobs }: Tensors, lengths: readonly number[]): Float32Array[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (logprobs instanceof Float32Array && logprobs.length === total) return splitFlat(logprobs, lengths);
  throw new ProtocolError(
    `expected ${total} f32 logprobs from the worker, got ${logprobs?.length ?? 'none'}`,
  );
}
