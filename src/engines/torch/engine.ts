import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TokenBatch, TrainingBatch } from '../../core/batch.ts';
import { durationMs } from '../../core/duration.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import type { Message } from '../../core/problem.ts';
import { protocolVersion } from '../../protocol/messages.ts';
import { ProtocolError } from '../../core/errors.ts';
import type { Tensors } from '../../protocol/tensors.ts';
import { checkTokens, checkTrainingBatch } from '../embedded/check-batch.ts';
import { createCompletionStream } from '../embedded/completion-stream.ts';
import { samplingJob } from '../embedded/sampling-request.ts';
import type {
  Completion,
  Engine,
  EngineInfo,
  LossStats,
  OptimStep,
  SampleRequest,
  StepStats,
} from '../engine.ts';
import { copyCompanions, type ModelFolder, openModelFolder } from '../model-files/model-folder.ts';
import { type Answer, startWorker, type WorkerConnection } from './connection.ts';
import { torchConfig, type TorchConfig, type TorchOptions } from './config.ts';
import { flattenTokens, splitFlat, trainingTensors } from './flat.ts';
import { createCollector, type Received, sampleFields } from './sampling.ts';

const workerFolder = fileURLToPath(new URL('../../../worker', import.meta.url));

/** What `openTorchEngine` takes: settings and the model folder. */
export type TorchEngineOptions = TorchOptions & { readonly type?: 'torch'; readonly model: string };

/**
 * Opens a Hugging Face folder in a worker process. What is wrong with the folder is a `DataError`; a worker that cannot
 * be started or ends is a `WorkerCrashed` that carries its last words. There is no restart: a run is continued by
 * `gradus resume`, from its last checkpoint.
 */
export async function openTorchEngine(options: TorchEngineOptions): Promise<Engine> {
  const { model, ...settings } = options;
  const config = torchConfig.parse({ ...settings, type: 'torch' });
  const folder = await openModelFolder(model);
  await using opening = new AsyncDisposableStack();
  const worker = opening.use(
    startWorker({
      command: config.command ?? [pythonOf(config), '-m', 'gradus_worker'],
      env: { ...process.env, PYTHONPATH: workerFolder, PYTHONUNBUFFERED: '1' },
      silenceMs: durationMs(config.maxSilence),
    }),
  );
  const versions = { min: protocolVersion, max: protocolVersion };
  const client = { name: 'gradus', version: String(protocolVersion) };
  await worker.request('hello', { protocol: versions, client, token: null }).answer;
  const { device, dtype, lora, tokensPerMicrobatch, activationCheckpointing, slots } = config;
  const created = await worker.request('createModel', {
    model: resolve(model),
    endTokens: [...folder.tokenizer.endTokens],
    device,
    dtype,
    lora,
    tokensPerMicrobatch,
    activationCheckpointing,
    slots,
  }).answer;
  opening.move();
  return new TorchEngine(worker, folder, config, created.result);
}

function pythonOf({ python }: TorchConfig): string {
  const own = `${workerFolder}/.venv/bin/python`;
  return python ?? process.env['GRADUS_PYTHON'] ?? (existsSync(own) ? own : 'python3');
}

/** See {@link openTorchEngine}. */
class TorchEngine implements Engine {
  readonly #worker: WorkerConnection;
  readonly #folder: ModelFolder;
  readonly #config: TorchConfig;
  readonly #created: Answer<'createModel'>['result'];
  #policyVersion: number;

  constructor(
    worker: WorkerConnection,
    folder: ModelFolder,
    config: TorchConfig,
    created: Answer<'createModel'>['result'],
  ) {
    this.#worker = worker;
    this.#folder = folder;
    this.#config = config;
    this.#created = created;
    this.#policyVersion = created.policyVersion;
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
      endTokens: this.#folder.tokenizer.endTokens,
      device: `${device} (${dtype})`,
      canTrain: true,
      policyVersion: this.#policyVersion,
    };
  }

  encode(prompt: readonly Message[]): Int32Array {
    return this.#folder.tokenizer.encodePrompt(prompt);
  }

  encodeText(text: string): Int32Array {
    return this.#folder.tokenizer.encodeText(text);
  }

  decode(tokens: Int32Array): string {
    return this.#folder.tokenizer.decode(tokens);
  }

  async *sample(request: SampleRequest, signal?: AbortSignal): AsyncIterable<Completion> {
    const { vocabSize, maxSequenceTokens } = this.#created;
    const encode = (prompt: readonly Message[]): Int32Array => this.encode(prompt);
    const job = samplingJob(request, { vocabSize, maxSequenceTokens, encode });
    if (signal?.aborted === true) return;
    const complete = ({ prompt, logprobs, ...written }: Received): Completion => {
      const { key, tokens: promptTokens } = job.prompts[prompt]!;
      return { key, promptTokens, ...written, rolloutLogprobs: logprobs, text: this.decode(written.tokens) };
    };
    const collector = createCollector(job.stop, (tokens) => this.decode(tokens));
    const stream = createCompletionStream<Completion>();
    const { fields, tensors } = sampleFields(job);
    const sampling = this.#worker.request('sample', fields, tensors, (part, data) => {
      const { finished, stopped } = collector.add(part, data);
      stream.push(finished.map(complete));
      if (stopped.length > 0) this.#abort(sampling.id, stopped);
    });
    let isOver = false;
    const abort = (): void => {
      if (!isOver) this.#abort(sampling.id, null);
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
    const tokens = flattenTokens(sequences.map((sequence) => sequence.tokens));
    const { answer } = this.#worker.request('logprobs', { which, temperature, lengths }, { tokens });
    return logprobsIn((await answer).tensors, lengths);
  }

  async forwardBackward(batch: TrainingBatch, loss: LossSpec): Promise<LossStats> {
    checkTrainingBatch(batch, loss, this.#folder.config);
    const lengths = batch.sequences.map(({ tokens }) => tokens.length);
    const { answer } = this.#worker.request(
      'forwardBackward',
      { loss: { ...loss }, lengths },
      trainingTensors(batch.sequences),
    );
    const { result, tensors } = await answer;
    const { loss: total, tokens, processedTokens, sequences, metrics: _, ...means } = result;
    return {
      ...Object.fromEntries(Object.entries(means).map(([name, value]) => [name, value ?? NaN])),
      tokens,
      processedTokens,
      sequences,
      loss: total ?? NaN,
      logprobs: logprobsIn(tensors, lengths),
    };
  }

  async optimStep(step: OptimStep): Promise<StepStats> {
    const defaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: null };
    const { result } = await this.#worker.request('optimStep', { ...defaults, ...step }).answer;
    this.#policyVersion = result.policyVersion;
    return { ...result, gradNorm: result.gradNorm ?? NaN };
  }

  async saveState(dir: string): Promise<void> {
    await this.#worker.request('saveState', { dir: resolve(dir) }).answer;
  }

  async loadState(dir: string): Promise<void> {
    const { result } = await this.#worker.request('loadState', { dir: resolve(dir) }).answer;
    this.#policyVersion = result.policyVersion;
  }

  async exportModel(dir: string): Promise<void> {
    await this.#worker.request('exportModel', { dir: resolve(dir), dtype: this.#config.exportType }).answer;
    await copyCompanions(this.#folder.path, dir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }

  #abort(target: number, sequences: { prompt: number; index: number }[] | null): void {
    // A worker that is gone ends the sampling itself, with the cause.
    this.#worker.request('abort', { target, sequences }).answer.catch(() => {});
  }
}

function logprobsIn({ logprobs }: Tensors, lengths: readonly number[]): Float32Array[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (logprobs instanceof Float32Array && logprobs.length === total) return splitFlat(logprobs, lengths);
  throw new ProtocolError(
    `expected ${total} f32 logprobs from the worker, got ${logprobs?.length ?? 'none'}`,
  );
}
