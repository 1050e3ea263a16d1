import { createRun } from '../../src/runs/create-run.ts';
import { openRun } from '../../src/runs/open-run.ts';
import { trainScripted, type ScriptedPlan } from './scripted-training.ts';

/**
 * The scripted training as a process of its own, for tests that kill it: `train.ts create ROOT` or `train.ts resume RUN`.
 * Prints one line when the run is open and one line a step.
 */
const plan: ScriptedPlan = { steps: 40, stageSteps: 10, checkpointEvery: 3, weights: 50_000 };

const [verb, path] = process.argv.slice(2);
await using run =
  verb === 'create'
    ? await createRun(path!, { name: 'kill', recipe: { plan }, seed: 11 })
    : await openRun(path!);
console.log(`open ${run.directory}`);
await trainScripted(run, plan, (step) => console.log(`step ${step}`));
