// oxlint-disable unicorn/require-post-message-target-origin -- a rule for browser windows; these are worker threads
import { parentPort } from 'node:worker_threads';
import { createQuickjsMachine } from './quickjs-machine.ts';
import type { SandboxLimits, SandboxOutcome, SandboxProgram } from './sandbox.ts';

/** A message to the worker: one program. Programs run in the order in which they are sent. */
export interface QuickjsRequest {
  readonly id: number;
  readonly program: Extract<SandboxProgram, { type: 'function' }>;
  readonly limits: SandboxLimits;
}

/** A message from the worker: the outcome of one program. */
export interface QuickjsReply {
  readonly id: number;
  readonly outcome: SandboxOutcome;
}

const machine = createQuickjsMachine();
let previous: Promise<unknown> = Promise.resolve();

parentPort?.on('message', ({ id, program, limits }: QuickjsRequest) => {
  previous = previous.then(async () => {
    const reply: QuickjsReply = { id, outcome: await machine.run(program, limits) };
    parentPort?.postMessage(reply);
  });
});
