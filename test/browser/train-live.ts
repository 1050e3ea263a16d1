import { createInterface } from 'node:readline';
import { trainScriptedModel } from './scripted-run.ts';

/** Trains a scripted run in its own process: `train-live.ts ROOT`. Each line on stdin allows one more step. */
const waiting = new Map<number, PromiseWithResolvers<void>>();
const gate = (version: number): PromiseWithResolvers<void> => {
  const found = waiting.get(version) ?? Promise.withResolvers<void>();
  waiting.set(version, found);
  return found;
};
gate(0).resolve();
let allowed = 0;
createInterface(process.stdin).on('line', () => gate(++allowed).resolve());

await trainScriptedModel(process.argv[2]!, { mayWrite: (version) => gate(version).promise });
process.stdin.destroy();
