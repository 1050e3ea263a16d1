// oxlint-disable unicorn/require-post-message-target-origin -- a rule for browser windows; these are worker threads
import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { Problem } from '../../core/problem.ts';
import { loadJudge } from './custom-module.ts';

/** Data with which a worker starts: the module to load. */
export interface CustomWorkerData {
  readonly file: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A request to judge one completion. */
export interface CustomRequest {
  readonly problem: Problem;
  readonly completion: string;
}

/** A reply: `ready` once the module is loaded, then a result or an error per request. */
export type CustomReply = 'ready' | { readonly said: unknown } | { readonly error: string };

// Resolve `gradus` to the running Gradus, as in the main thread, regardless of the module's location.
const self = new URL(import.meta.url.endsWith('.ts') ? '../../index.ts' : '../../index.js', import.meta.url)
  .href;
registerHooks({ resolve: (name, context, next) => next(name === 'gradus' ? self : name, context) });

const { file, options } = workerData as CustomWorkerData;
const judge = loadJudge(file, options);

parentPort?.postMessage('ready' satisfies CustomReply);
parentPort?.on('message', ({ problem, completion }: CustomRequest) => void answer(problem, completion));

async function answer(problem: Problem, completion: string): Promise<void> {
  parentPort?.postMessage(await reply(problem, completion));
}

async function reply(problem: Problem, completion: string): Promise<CustomReply> {
  try {
    return { said: await judge.verify(problem, completion) };
  } catch (error) {
    return { error: String(error) };
  }
}
