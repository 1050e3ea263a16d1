import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { stage } from '../../curriculum/stage.ts';
import { editionOf, type Observation } from '../../difficulty/pass-rates/pass-rate-store.ts';
import { openPassRateStore } from '../../difficulty/pass-rates/sqlite-store.ts';
import { samplingOf } from '../../measuring/measure.ts';
import { templateOf } from '../../measuring/observation.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import type { RecipeInput } from '../../recipe/recipe.ts';
import { checkRecipe } from '../../recipe/resolve-stage.ts';
import { createPendingWork } from '../../rollout/pending.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { predictFromProbe, predictFromStore } from './predict-worth.ts';
import type { TrainingParts } from '../training-context.ts';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';

/** Twenty families; the first two are solved in half of the attempts, the others never. */
const problems = Array.from({ length: 400 }, (_, i) =>
  mathProblem({ id: `p${i}`, family: `f${i % 20}`, answer: '4' }),
);
const isInReach = (id: string): boolean => Number(id.slice(1)) % 20 < 2;

function partsOf(difficulty?: RecipeInput['difficulty']): TrainingParts {
  const engine = scriptedEngine({
    complete: (key, index) => (isInReach(key) && index % 2 === 0 ? '\\boxed{4}' : '\\boxed{5}'),
  });
  // Simulates orthogonal gradients of equal length that share a small signal.
  const gradientNorm = ({ sequences }: { sequences: readonly unknown[] }) =>
    Promise.resolve(Math.sqrt(sequences.length + 0.01 * sequences.length ** 2));
  const recipe = defineRecipe({
    name: 'predicted',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: { math: { type: 'math', extraction: 'boxed' } },
    ...(difficulty !== undefined && { difficulty }),
    algorithm: { type: 'dapo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 32 },
    batch: { problems: 16, groupSize: 8 },
    stages: [stage('all', { maxSteps: 50 })],
  });
  const verifier = openVerifier(verifierConfig.parse({ type: 'math', extraction: 'boxed' }));
  onTestFinished(() => verifier[Symbol.asyncDispose]());
  return {
    recipe,
    engine: Object.assign(engine, { gradientNorm }),
    verifierFor: () => verifier,
    pending: createPendingWork(),
    problems,
    suites: [],
    levels: checkRecipe(recipe),
    knownPassRates: new Map(),
    warnings: [],
  };
}

test('a probe attempts its problems 8 times each, reports its cost and measures the critical batch', async () => {
  const parts = partsOf();
  let last: readonly number[] = [];
  const onProgress = (...progress: number[]): void => void (last = progress);
  const { worth, probe } = await predictFromProbe(parts, { problems: 200, onProgress });
  expect(last).toEqual([1600, 1600]);
  expect(probe).toMatchObject({ problems: 200, rollouts: 1600 });
  expect(probe!.tokens).toBeGreaterThan(1600);
  expect(worth).toMatchObject({ isBatchMeasured: true, records: 200 });
  expect(worth.liveUniform.low).toBeLessThan(0.1);
  expect(worth.liveUniform.high).toBeGreaterThan(0.1);
  expect(worth.liveSelected.mean).toBeGreaterThan(0.4);
  // The signal is |a + b|² − |a|² − |b|² = 2 · 0.01 · n m · 8²; the noise is 8 per group of 8 sequences.
  expect(worth.criticalBatch.mean).toBeCloseTo(8 / (0.01 * 64), 0);
  expect(worth.speedup.low).toBeGreaterThan(1.25);
  expect((await predictFromProbe(parts, { problems: 200 })).worth).toEqual(worth);
  expect((await predictFromProbe(parts, { problems: 9999 })).probe!.problems).toBe(400);
});

test('predicts from the recipe’s own store without rollouts, and returns null without recorded attempts', async () => {
  const folder = makeFastFolder('predict');
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'rates.sqlite');
  expect(predictFromStore(partsOf())).toBeNull();
  const parts = partsOf({ type: 'pass-rate', rollouts: 8, maxTokens: 32, store: file });
  expect(predictFromStore(parts)).toBeNull();
  const observations = problems.flatMap((problem) =>
    Array.from({ length: 8 }, (_, rollout): Observation => ({
      problemId: problem.id,
      edition: editionOf(problem),
      source: { type: 'base' },
      step: 0,
      rollout,
      outcome: isInReach(problem.id) && rollout % 2 === 0 ? 'correct' : 'incorrect',
    })),
  );
  {
    using store = openPassRateStore(file);
    const model = { model: parts.engine.sampler.info.modelHash, ...templateOf(parts.engine) };
    store.record({ ...model, ...samplingOf(parts.recipe.difficulty!), verifier: 'math@1' }, observations);
  }
  const { worth, probe } = predictFromStore(parts)!;
  expect(probe).toBeUndefined();
  expect(worth).toMatchObject({ isBatchMeasured: false, records: 400 });
  expect(worth.liveUniform.mean).toBeCloseTo(0.1, 1);
});
