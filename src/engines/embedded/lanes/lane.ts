import { Worker } from 'node:worker_threads';
import { WorkerCrashed } from '../../../core/errors.ts';
import { type LaneOptions, type LaneReply, type LaneTask, unpackError } from './lane-protocol.ts';
import type { MicrobatchRunner } from '../learning/microbatch-runner.ts';
import type { TokenMeasurements } from '../learning/pass.ts';
import type { MeasureJob } from '../measure-matmul.ts';
import type { SequencePart } from '../../requests/sampling-job.ts';
import type { DecodedSequence, DecodingJob } from '../sampling/sampling-work.ts';

/** Receives completions from a lane. */
type OnWritten = (written: readonly DecodedSequence[], parts: readonly SequencePart[]) => void;

/** Handle for a worker thread that trains and samples. */
export interface Lane extends MicrobatchRunner {
  /** See `measureProducts`. */
  measure(job: MeasureJob): Promise<number>;
  /** Decodes a job. The weights must not change until it ends. */
  sample(
    job: DecodingJob,
    weights: { readonly values: Float32Array; readonly version: number },
    aborted: Int32Array,
    onWritten: OnWritten,
  ): Promise<void>;
}

interface Pending {
  readonly what: string;
  readonly written: OnWritten | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Maximum time, in milliseconds, for which closing a lane waits for the computation in progress. */
const closingMs = 30_000;

/**
 * Starts a lane. If its thread dies, all pending and later requests reject with a `WorkerCrashed` that lists
 * the pending ones. Disposing also rejects them, and waits for the computation in progress.
 */
export function openLane(options: LaneOptions): Lane {
  // The compiled package runs the .js file next to this one; the source tree runs the .ts file.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./lane-worker.${extension}`, import.meta.url), { workerData: options });
  const { ask, fail } = connect(worker);
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return {
    logprobs: (job) =>
      ask(`logprobs of ${job.shape.rows} sequences`, { kind: 'logprobs', job }) as Promise<Float32Array>,
    top: (job) => ask('most probable tokens', { kind: 'top', job }) as Promise<Float32Array>,
    gradient: (job) =>
      ask(`gradient of ${job.shape.rows} sequences`, { kind: 'gradient', job }) as Promise<TokenMeasurements>,
    sum: (job) => ask('a sum of gradients', { kind: 'sum', job }) as Promise<void>,
    norm: (job) => ask('a gradient norm', { kind: 'norm', job }) as Promise<number>,
    update: (job) => ask('an update of weights', { kind: 'update', job }) as Promise<void>,
    measure: (job) => ask('a measurement', { kind: 'measure', job }) as Promise<number>,
    sample: (job, { values, version }, aborted, written) =>
      ask(
        `completions of ${job.prompts.length} prompts`,
        { kind: 'sample', job, weights: values, version, aborted },
        written,
      ) as Promise<void>,
    [Symbol.asyncDispose]: async () => {
      fail('the engine was closed');
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage('close');
      const late = setTimeout(() => void worker.terminate(), closingMs);
      await exited;
      clearTimeout(late);
    },
  };
}

/** Matches a thread's replies to numbered requests; `fail` rejects pending and all later requests. */
function connect(worker: Worker): {
  ask(what: string, task: LaneTask, written?: OnWritten): Promise<unknown>;
  fail(cause: unknown): void;
} {
  const pending = new Map<number, Pending>();
  let count = 0;
  let crash: WorkerCrashed | null = null;

  const fail = (cause: unknown): void => {
    if (crash !== null) return;
    const waiting = [...pending.values()].map(({ what }) => what).join(', ') || 'nothing';
    crash = new WorkerCrashed(`the engine's worker thread ended (${String(cause)}); pending: ${waiting}`, {
      cause,
    });
    for (const { reject } of pending.values()) reject(crash);
    pending.clear();
  };
  worker.on('error', fail);
  worker.on('exit', (code) => fail(`exit code ${code}`));
  worker.on('message', (reply: LaneReply) => {
    const request = pending.get(reply.id);
    if (request === undefined) return;
    if (reply.kind === 'written') request.written?.(reply.written, reply.parts);
    else {
      pending.delete(reply.id);
      if (pending.size === 0) worker.unref();
      if (reply.kind === 'done') request.resolve(reply.result);
      else request.reject(unpackError(reply.error));
    }
  });
  worker.unref();

  const ask = (what: string, task: LaneTask, written?: OnWritten): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (crash !== null) {
        reject(crash);
        return;
      }
      // Only pending work keeps the process alive; an idle engine does not.
      worker.ref();
      const id = count++;
      pending.set(id, { what, written, resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage({ ...task, id });
    });
  return { ask, fail };
}
