/**
 * Makes `models/gradus-search`, which learns to search in `recipes/search` and `npm run bench:search`, from random weights:
 * it imitates attempts at questions about random people, first mostly careful attempts, then mostly guesses, so that
 * reinforcement has something to improve.
 *
 *   node scripts/make-search-model.ts [folder]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adamw, learningRateAt, optimizerConfig } from '../src/algorithms/optimizer.ts';
import { crossEntropyLoss } from '../src/core/loss-spec.ts';
import { createRng } from '../src/core/rng.ts';
import { openEmbeddedEngine } from '../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../src/engines/engine.ts';
import { writeInitialModel } from './base-model/initial-model.ts';
import { drawLessons, type Habits } from './search-model/lessons.ts';
import { searchModel } from './search-model/vocabulary.ts';

interface Course {
  readonly habits: Habits;
  readonly steps: number;
  readonly learningRate: number;
}

const seed = 1;
const batchSize = 64;
const courses: readonly Course[] = [
  { habits: { guess: 0.15, read: 0.75, ignore: 0.1 }, steps: 800, learningRate: 3e-3 },
  { habits: { guess: 0.65, read: 0.25, ignore: 0.1 }, steps: 70, learningRate: 8e-4 },
];

const target = process.argv[2] ?? 'models/gradus-search';
const initial = await mkdtemp(join(tmpdir(), 'gradus-search-'));
try {
  await writeInitialModel(initial, seed, searchModel);
  await using engine = await openEmbeddedEngine({ model: initial });
  for (const [i, course] of courses.entries()) await teach(engine, course, i);
  await engine.weights.exportModel(target);
} finally {
  await rm(initial, { recursive: true });
}

async function teach(
  engine: LearningEngine,
  { habits, steps, learningRate }: Course,
  course: number,
): Promise<void> {
  const settings = optimizerConfig.parse(
    adamw({ learningRate, beta2: 0.98, warmupSteps: Math.round(steps / 4), schedule: 'cosine' }),
  );
  const { beta1, beta2, epsilon, weightDecay } = settings;
  const rng = createRng(seed, 'search-lessons', course);
  for (let step = 1; step <= steps; step++) {
    const sequences = drawLessons(batchSize, habits, engine.renderer, rng);
    const { loss } = await engine.learner.forwardBackward({ sequences }, crossEntropyLoss);
    const rate = learningRateAt(settings, step, steps);
    await engine.learner.optimStep({
      learningRate: rate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      maxGradNorm: 1,
    });
    if (step % 50 === 0 || step === steps)
      console.log(`course ${course + 1}, step ${step}/${steps}: loss ${loss.toFixed(3)}`);
  }
}
