/**
 * Makes `models/gradus-tiny` from scratch: random weights, then supervised learning on careful worked solutions, then
 * shorter training on mixtures with careless and hasty solutions, so that reinforcement has something to improve.
 * Prints the model's pass rates as a Markdown table for its card.
 *
 *   node scripts/make-base-model.ts [folder] [tiny | 1.5m | 5m]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adamw, optimizerConfig } from '../src/algorithms/optimizer.ts';
import { ConfigError } from '../src/core/errors.ts';
import { openEmbeddedEngine } from '../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../src/engines/engine.ts';
import { superviseModel, type SupervisedStep } from '../src/supervised/supervised.ts';
import { type InitialModel, sizes, writeInitialModel } from './base-model/initial-model.ts';
import { type Care, drawLessons } from './base-model/lessons.ts';
import { passRateTable } from './base-model/measure.ts';

interface Course {
  readonly name: string;
  readonly care: Care;
  readonly lessons: number;
  readonly learningRate: number;
}

const seed = 1;
const batchSize = 56;
const courses: readonly Course[] = [
  {
    name: 'careful',
    care: { careful: 1, hasty: 0, slip: 0 },
    lessons: 400_000,
    learningRate: 3e-3,
  },
  {
    name: 'careless',
    care: { careful: 0.5, hasty: 0.3, slip: 0.2 },
    lessons: 40_000,
    learningRate: 6e-4,
  },
  {
    name: 'hasty',
    care: { careful: 0.35, hasty: 0.5, slip: 0.15 },
    lessons: 40_000,
    learningRate: 6e-4,
  },
];

const [target = 'models/gradus-tiny', size = 'tiny'] = process.argv.slice(2);
const model = sizes[size];
if (model === undefined)
  throw new ConfigError(`expected a size of ${Object.keys(sizes).join(', ')}, got "${size}"`);
await make(model);
await using made = await openEmbeddedEngine({ model: target });
console.log(await passRateTable(made));

async function make(untrained: InitialModel): Promise<void> {
  const initial = await mkdtemp(join(tmpdir(), 'gradus-tiny-'));
  try {
    await writeInitialModel(initial, seed, untrained);
    await using engine = await openEmbeddedEngine({ model: initial });
    for (const course of courses) await teach(engine, course);
    await engine.weights.exportModel(target);
  } finally {
    await rm(initial, { recursive: true });
  }
}

async function teach(engine: LearningEngine, { name, care, lessons, learningRate }: Course): Promise<void> {
  const optimizer = adamw({ learningRate, beta2: 0.98, warmupSteps: 100, schedule: 'cosine' });
  await superviseModel(engine, drawLessons(lessons, care, seed), {
    batchSize,
    epochs: 1,
    seed,
    optimizer: optimizerConfig.parse(optimizer),
    onStep: (step) => report(name, step),
  });
}

function report(course: string, { step, lastStep, loss, tokens }: SupervisedStep): void {
  if (step % 500 === 0 || step === lastStep)
    console.log(`${course} ${step}/${lastStep}: loss ${loss.toFixed(3)}, ${tokens} tokens learned`);
}
