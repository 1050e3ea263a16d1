// oxlint-disable unicorn/require-post-message-target-origin -- a rule for browser windows; these are worker threads
import { basename, extname, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import * as z from 'zod';
import { durationMs, durationSchema } from '../../core/text/duration.ts';
import { DataError, GradusError, messageOf, VerifierError } from '../../core/errors.ts';
import { createPool, type Pool } from '../../core/async/pool.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { noun } from '../../core/config-builder.ts';
import { hashModule } from '../../core/user-module.ts';
import { type CustomJudge, loadJudge, readVerdict } from './custom-module.ts';
import type { CustomReply, CustomRequest, CustomWorkerData } from './custom-worker.ts';
import type { Verifier } from '../verifier.ts';

/** A custom verifier: a module whose default export is a `CustomJudge`, or a function of `options` that returns one. */
export const customConfig = z.strictObject({
  type: z.literal('custom'),
  /** A `.ts`, `.mts`, `.js` or `.mjs` file; a relative path is resolved against the recipe's folder. */
  module: z.string().min(1),
  /** Argument for the module's function. */
  options: z.record(z.string(), z.json()).default({}),
  /** Number of worker threads, for slow verifiers; 0 runs the verifier in the main thread. */
  workers: z.int().min(0).max(64).default(0),
  /** With workers: wall-clock limit per completion; a completion that exceeds it is `ungradable`. */
  maxTime: durationSchema.default('60s'),
});
type CustomConfig = z.output<typeof customConfig>;

/** Creates the recipe entry for a custom verifier. */
export const customVerifier = noun(customConfig);

/**
 * Loads the module. The version contains a hash of the module, of the local files that it imports and of the options,
 * so verdicts of an edited module are never mixed with older ones. The module is trusted: it runs with all permissions
 * of the process.
 *
 * @throws ConfigError if the file is not a verifier module.
 */
export function openCustom(config: CustomConfig, baseDir: string): Verifier {
  const file = resolve(baseDir, config.module);
  const judge = loadJudge(file, config.options);
  const name = judge.name ?? basename(file, extname(file));
  const version = `${judge.version ?? '1'}-${hashModule(file)}-${hashKey(JSON.stringify(config.options)).toString(36)}`;
  const label = `${name}@${version}`;
  const maxMs = durationMs(config.maxTime);
  const threads = config.workers > 0 ? openThreads(file, config) : undefined;
  return {
    name,
    version,
    check: (problem) => checkWith(judge, problem),
    verify: async (problem, completion, signal) => {
      const said = await (threads === undefined
        ? judge.verify(problem, completion, signal)
        : threads.use((thread) => thread.judge({ problem, completion }, maxMs), signal));
      return readVerdict(said, label);
    },
    [Symbol.asyncDispose]: async () => {
      await threads?.[Symbol.asyncDispose]();
      await judge[Symbol.asyncDispose]?.();
    },
  };
}

/** Runs the module's `check` and reports its errors as data errors. */
function checkWith(judge: CustomJudge, problem: Problem): void {
  try {
    judge.check?.(problem);
  } catch (cause) {
    if (GradusError.isInstance(cause)) throw cause;
    const why = messageOf(cause);
    throw new DataError(`problem ${problem.id} (${problem.source}): ${why}`, { cause });
  }
}

const openThreads = (file: string, { workers, options }: CustomConfig): Pool<JudgeThread> =>
  createPool({ name: 'the verifier', size: workers, open: () => new JudgeThread({ file, options }) });

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? 'custom-worker.ts' : 'custom-worker.js',
  import.meta.url,
);

/**
 * A thread in which the module is loaded. It starts on first use, restarts after a failure, and judges one completion
 * at a time.
 */
class JudgeThread implements AsyncDisposable {
  readonly #data: CustomWorkerData;
  #worker: Worker | undefined;
  #isReady = false;
  #settle: { settle(reply: CustomReply): void; fail(why: string): void } | undefined;

  constructor(data: CustomWorkerData) {
    this.#data = data;
  }

  /** Returns the module's result. @throws VerifierError if the module throws, if its thread ends, or after `maxMs`. */
  async judge(request: CustomRequest, maxMs: number): Promise<unknown> {
    if (!this.#isReady) await this.#reply(() => (this.#worker = this.#start()));
    this.#isReady = true;
    const worker = this.#worker!;
    const timer = setTimeout(() => this.#settle?.fail(`no verdict within ${maxMs} ms`), maxMs);
    worker.ref();
    try {
      const reply = await this.#reply(() => worker.postMessage(request));
      if (reply !== 'ready' && 'said' in reply) return reply.said;
      throw new VerifierError(reply === 'ready' ? 'the verifier returned no verdict' : reply.error);
    } finally {
      clearTimeout(timer);
      worker.unref();
    }
  }

  /** Resolves to the thread's next message after `begin`; any failure ends the thread. */
  async #reply(begin: () => void): Promise<CustomReply> {
    const { promise, resolve: settle, reject } = Promise.withResolvers<CustomReply>();
    this.#settle = { settle, fail: (why) => reject(new VerifierError(why)) };
    begin();
    try {
      return await promise;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerFile, { workerData: this.#data });
    worker.on('message', (reply: CustomReply) => this.#settle?.settle(reply));
    worker.on('error', (error) => this.#end(worker, `: ${String(error)}`));
    worker.on('exit', () => this.#end(worker, ''));
    return worker;
  }

  #end(worker: Worker, why: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#isReady = false;
    this.#settle?.fail(`the verifier's thread ended${why}`);
  }
}
