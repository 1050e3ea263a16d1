// oxlint-disable unicorn/require-post-message-target-origin -- a rule for browser windows; these are worker threads
import { Worker } from 'node:worker_threads';
import { SandboxError } from '../core/errors.ts';
import { cpuSlack } from './quickjs-machine.ts';
import type { QuickjsReply, QuickjsRequest } from './quickjs-worker.ts';
import type { Sandbox, SandboxLimits, SandboxOutcome, SandboxProgram } from './sandbox.ts';

/**
 * Runs JavaScript functions in QuickJS compiled to WebAssembly: a new context per program, in a worker thread that is
 * terminated when a built-in function keeps it busy. No host object is reachable: no files, no network, no timers.
 *
 * What it does NOT stop: a bug in Node's WebAssembly that lets a module escape its memory. It runs functions only, not
 * programs that read standard input.
 */
export function openQuickjsSandbox(): Sandbox {
  return new QuickjsSandbox();
}

interface Job {
  readonly request: QuickjsRequest;
  readonly settle: (outcome: SandboxOutcome) => void;
}

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? 'quickjs-worker.ts' : 'quickjs-worker.js',
  import.meta.url,
);
const watchIntervalMs = 500;
const watchSlackMs = 2000;

class QuickjsSandbox implements Sandbox {
  readonly name = 'quickjs@1';
  readonly language = 'javascript';
  /** Jobs in the order in which they were sent and run; the first one is running. */
  readonly #jobs = new Map<number, Job>();
  #nextId = 0;
  #worker: Worker | undefined;
  #watch: NodeJS.Timeout | undefined;
  /**
   * The program that was running at the watchdog's last check, and the worker's CPU time when the watchdog first saw
   * it.
   */
  #watched = { id: -1, cpuMs: 0 };

  async run(program: SandboxProgram, limits: SandboxLimits, signal?: AbortSignal): Promise<SandboxOutcome> {
    signal?.throwIfAborted();
    if (program.type !== 'function')
      throw new SandboxError('quickjs: expected a program of type "function", got "stdio"');
    const request = { id: this.#nextId++, program, limits };
    const { promise, resolve } = Promise.withResolvers<SandboxOutcome>();
    const settle = (outcome: SandboxOutcome): void => {
      this.#jobs.delete(request.id);
      if (this.#jobs.size === 0) this.#rest();
      resolve(outcome);
    };
    this.#jobs.set(request.id, { request, settle });
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage(request);
    this.#watch ??= setInterval(() => void this.#look(), watchIntervalMs);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    for (const job of this.#jobs.values())
      job.settle({ status: 'infrastructure', error: 'the sandbox was closed' });
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerFile, { env: {}, execArgv: [] });
    worker.on('message', ({ id, outcome }: QuickjsReply) => this.#jobs.get(id)?.settle(outcome));
    worker.on('error', (error) => {
      if (worker === this.#worker)
        this.#replace({ status: 'infrastructure', error: `the worker ended: ${error.message}` });
    });
    return worker;
  }

  /** Called when no job is left: neither the worker nor the watchdog may keep the process alive. */
  #rest(): void {
    this.#worker?.unref();
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** Ends a program that has used more CPU time than all of its calls together may use. */
  async #look(): Promise<void> {
    const [first] = this.#jobs.values();
    const usage = await this.#worker?.cpuUsage().catch(() => undefined);
    if (first === undefined || usage === undefined || !this.#jobs.has(first.request.id)) return;
    const { id, program, limits } = first.request;
    const cpuMs = (usage.user + usage.system) / 1000;
    if (this.#watched.id !== id) this.#watched = { id, cpuMs };
    const allowed = watchSlackMs + cpuSlack * limits.maxCpuMs * (program.calls.length + 1);
    if (cpuMs - this.#watched.cpuMs > allowed)
      this.#replace({
        status: 'not-loaded',
        cause: 'timeout',
        error: 'kept a built-in function busy for too long',
      });
  }

  /** Settles the running program with `outcome` and runs the others in a new worker. */
  #replace(outcome: SandboxOutcome): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    const [first] = this.#jobs.values();
    first?.settle(outcome);
    if (this.#jobs.size === 0) return;
    this.#worker = this.#start();
    for (const { request } of this.#jobs.values()) this.#worker.postMessage(request);
  }
}
