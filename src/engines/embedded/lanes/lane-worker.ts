import { parentPort, workerData } from 'node:worker_threads';
import { type ModelTokenizer, openTokenizer } from '../../model-files/tokenizer.ts';
import { type DecodeWeights, decodeWeights } from '../sampling/decode-weights.ts';
import { openDecoder } from '../sampling/decoder.ts';
import {
  type LaneOptions,
  type LaneReply,
  type LaneRequest,
  type LaneResult,
  type LaneTask,
  packError,
} from './lane-protocol.ts';
import { measureProducts } from '../measure-matmul.ts';
import { cacheBytes } from '../memory-budget.ts';
import { createMicrobatchRunner } from '../learning/microbatch-runner.ts';
import { stopReach } from '../sampling/sampling-work.ts';
import { createSampler, type Sampler } from '../sampling/sampler.ts';

/**
 * The thread of one lane, which runs microbatches and decodes completions. Sampling jobs with the same weights share
 * batches; microbatches run between decoding steps.
 */
const options = workerData as LaneOptions;
const port = parentPort!;
const runner = createMicrobatchRunner(options);
let sampler: Promise<Sampler> | undefined;
/** Weights in use, by version; jobs of the same version share one copy. */
const inUse = new Map<number, { readonly weights: DecodeWeights; jobs: number }>();
let tokenizer: ModelTokenizer | undefined;

/** Number of requests in progress, and whether the thread must end after them. */
let [running, isClosing] = [0, false];

port.on('message', (request: LaneRequest | 'close') => {
  if (request === 'close') {
    isClosing = true;
    endWhenIdle();
    return;
  }
  running++;
  void serve(request)
    .catch((error: unknown) => {
      reply({ id: request.id, kind: 'failed', error: packError(error) });
    })
    .finally(() => {
      running--;
      endWhenIdle();
    });
});

/**
 * Ends the thread only between requests: the runtime aborts the entire process if a thread ends during a computation.
 */
function endWhenIdle(): void {
  // oxlint-disable-next-line unicorn/no-process-exit -- ends this thread alone
  if (isClosing && running === 0) process.exit();
}

function reply(message: LaneReply): void {
  port.postMessage(message);
}

async function serve(request: LaneRequest): Promise<void> {
  reply({ id: request.id, kind: 'done', result: await resultOf(request, request.id) });
}

function resultOf(task: LaneTask, id: number): Promise<LaneResult> {
  switch (task.kind) {
    case 'logprobs':
      return runner.logprobs(task.job);
    case 'top':
      return runner.top(task.job);
    case 'gradient':
      return runner.gradient(task.job);
    case 'sum':
      return runner.sum(task.job);
    case 'norm':
      return runner.norm(task.job);
    case 'update':
      return runner.update(task.job);
    case 'measure':
      return measureProducts(options.config, task.job);
    case 'sample': {
      const { version } = task;
      const shared = inUse.get(version) ?? { weights: decodeWeights(options.config, task.weights), jobs: 0 };
      inUse.set(version, shared);
      shared.jobs++;
      return sample(task, shared.weights, id).finally(() => {
        if (--shared.jobs === 0) inUse.delete(version);
      });
    }
  }
}

async function sample(
  { job, aborted }: Extract<LaneTask, { kind: 'sample' }>,
  weights: DecodeWeights,
  id: number,
): Promise<void> {
  sampler ??= openSampler();
  if (job.stop.length > 0) tokenizer ??= await openTokenizer(options.folder, options.config.vocabSize);
  const ready = await sampler;
  await ready.run(
    job,
    weights,
    (written, parts) => reply({ id, kind: 'written', written, parts }),
    () => isClosing || Atomics.load(aborted, 0) === 1,
  );
}

async function openSampler(): Promise<Sampler> {
  const { config, threads, slots, memoryBudgetBytes } = options;
  const decoder = await openDecoder(config, threads, slots);
  return createSampler({ ...options, decoder, endsWithStop, cacheBytes: cacheBytes(memoryBudgetBytes) });
}

/** Returns whether the last token completes a stop string. Decodes only the tokens at the end that can contain one. */
function endsWithStop(tokens: Int32Array, stop: readonly string[]): boolean {
  const tail = tokenizer!.decode(tokens.subarray(-stopReach(stop)));
  return stop.some((text) => tail.includes(text));
}
