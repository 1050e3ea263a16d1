// oxlint-disable unicorn/require-post-message-target-origin -- a rule for browser windows; these are worker threads
import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { Problem } from '../core/problem.ts';
import { loadJudge } from './custom-module.ts';

/** How a worker is told which module judges. */
export interface CustomWorkerData {
  readonly file: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** To the worker: one completion. */
export interface CustomRequest {
  readonly problem: Problem;
  readonly completion: string;
}

/** From the worker: first that the module is loaded; then what the judge said, or why it said nothing. */
export type CustomReply = 'ready' | { readonly said: unknown } | { readonly error: string };

// As in the main thread, `gradus` is the Gradus that runs, wherever the module lies.
const self = new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js', import.meta.url).href;
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
