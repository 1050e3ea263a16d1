/**
 * Trains a model from scratch on a GPU, through the complete demo: random weights, supervised learning on the project's
 * families with the function behind `gradus sft`, then the staged curriculum, all on the PyTorch engine.
 *
 *   node -C development bench/gpu/learning.ts [--toy] [--out folder]
 *
 * Prints the reward of every step's rollouts and the held-out results; the last line is JSON. `--toy` starts from
 * `gradus-tiny` instead and takes a few steps, for CPUs.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { loadRecipe } from '../../src/recipe/load.ts';
import { fineTuningRecipe } from '../../src/training/stages/fine-tune.ts';
import { runLayout } from '../../src/runs/files/layout.ts';
import { startTraining } from '../../src/training/start.ts';
import { readRunResult } from '../../src/training/summary.ts';
import { tinyModel, writeInitialModel } from '../../scripts/base-model/initial-model.ts';
import { drawLessons } from '../../scripts/base-model/lessons.ts';

/** 38 million weights, which a GPU trains in minutes and a CPU in more than an afternoon. */
const largeConfig = {
  ...tinyModel.config,
  hiddenSize: 512,
  layers: 12,
  heads: 8,
  keyValueHeads: 4,
  headSize: 64,
  intermediateSize: 1536,
};

const { values } = parseArgs({
  options: { toy: { type: 'boolean', default: false }, out: { type: 'string', default: 'runs' } },
});
const sizes = values.toy
  ? { lessons: 640, batchSize: 32, learningRate: 1e-5, stageSteps: 2, count: 40 }
  : { lessons: 200_000, batchSize: 128, learningRate: 1e-3, stageSteps: 60, count: 4000 };
/** Makes the model capable but careless, like the demo's base model, so that training has something to improve. */
const care = { careful: 0.5, hasty: 0.3, slip: 0.2 };
const engine = { engine: 'torch' };

const projectFile = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const work = await mkdtemp(join(tmpdir(), 'gradus-learning-'));
try {
  const base = await makeBase();
  const run = await train(base);
  await show(run);
} finally {
  await rm(work, { recursive: true });
}

async function makeBase(): Promise<string> {
  const examples = join(work, 'examples.jsonl');
  const lessons = drawLessons(sizes.lessons, care, 1).map((lesson) => JSON.stringify(lesson));
  await writeFile(examples, `${lessons.join('\n')}\n`);
  const { batchSize, learningRate } = sizes;
  const started = performance.now();
  const recipe = await fineTuningRecipe({
    model: values.toy ? projectFile('models/gradus-tiny') : await untrained(),
    examples,
    exportType: 'f32',
    engine,
    optimizer: { learningRate, beta2: 0.98, warmupSteps: 100, schedule: 'cosine' },
    batchSize,
    epochs: 1,
    seed: 1,
  });
  const directory = await startTraining(recipe, work);
  const seconds = (performance.now() - started) / 1000;
  const { loss, tokens } = (await readRunResult(directory)).stages[0]!.imitation!;
  console.log(`supervised: loss ${loss.toFixed(3)} after ${tokens} tokens in ${seconds.toFixed(0)} s`);
  return runLayout(directory).export;
}

async function untrained(): Promise<string> {
  const folder = join(work, 'untrained');
  await writeInitialModel(folder, 1, { ...tinyModel, config: largeConfig });
  return folder;
}

async function train(base: string): Promise<string> {
  const recipe = await loadRecipe(projectFile('recipes/staged/recipe.ts'), [
    'name=learning',
    'policy.engine=torch',
    `policy.model=${base}`,
    ...[0, 1].map((stage) => `stages[${stage}].maxSteps=${sizes.stageSteps}`),
    ...[0, 1].map((source) => `problems[${source}].count=${sizes.count}`),
  ]);
  return startTraining(recipe, values.out, { report: () => {} });
}

async function show(directory: string): Promise<void> {
  using run = await openRunReader(directory);
  const { steps, values: rewards } = run.metric('reward/mean');
  for (const [at, step] of steps.entries())
    if (step % 10 === 1 || at === steps.length - 1)
      console.log(`step ${step}: reward ${rewards[at]!.toFixed(3)}`);
  const { suites, stages, rollouts, tokens } = await readRunResult(directory);
  const heldOut = suites.map(({ name, comparison }) => ({
    name,
    ...comparison?.overall,
    problems: undefined,
  }));
  console.log(
    JSON.stringify({
      run: directory,
      toy: values.toy,
      engine: run.sessions().at(-1)?.engine,
      reward: [...rewards],
      heldOut,
      stages,
      rollouts,
      tokens,
    }),
  );
}
