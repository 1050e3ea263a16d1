import { createInterface } from 'node:readline';
import { createRun } from '../../src/runs/writing/create-run.ts';
import { openRun } from '../../src/runs/writing/open-run.ts';
import { trainScripted, type ScriptedPlan } from './scripted-training.ts';

/**
 * Runs the scripted training in a separate process, for tests that kill it: `train.ts create ROOT` or `train.ts resume RUN`.
 * Prints one line when the run is open and one per step. After each line it waits for a line on stdin, so that it never
 * runs ahead of the test.
 */
const plan: ScriptedPlan = { steps: 40, stageSteps: 10, checkpointEvery: 3, weights: 50_000 };

const answers = createInterface(process.stdin)[Symbol.asyncIterator]();
const [verb, path] = process.argv.slice(2);
await using run =
  verb === 'create'
    ? await createRun(path!, { name: 'kill', recipe: { plan }, seed: 11 })
    : await openRun(path!);
console.log(`open ${run.directory}`);
await trainScripted(run, plan, async (step) => {
  console.log(`step ${step}`);
  await answers.next();
});
process.stdin.destroy();
