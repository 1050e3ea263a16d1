import { expect, test } from 'vitest';
import { reinforceStages } from '../../curriculum/stages.ts';
import { remeasureConfig, whereChanged } from '../../curriculum/stage.ts';
import type { Observation } from '../../difficulty/pass-rates/pass-rate-store.ts';
import { openPassRateStore } from '../../difficulty/pass-rates/sqlite-store.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import { createPendingWork } from '../../rollout/pending.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import type { Verifier } from '../../verifiers/verifier.ts';
import { editionsOf, templateOf } from '../../measuring/observation.ts';
import type { TrainingContext } from '../training-context.ts';
import { remeasureChanged } from './remeasure-changed.ts';

const verifier: Verifier = {
  name: 'exact',
  version: '1',
  check() {},
  async verify(problem, completion) {
    const outcome = completion === problem.answer ? 'correct' : 'incorrect';
    return { outcome, score: Number(outcome === 'correct'), reason: '', verifier: 'exact@1' };
  },
  async [Symbol.asyncDispose]() {},
};
const recipe = defineRecipe({
  name: 'boundary',
  policy: { model: 'none' },
  problems: [{ type: 'generated', split: 'train', perCell: 1 }],
  verifiers: { math: { type: 'math' } },
  difficulty: { type: 'pass-rate', maxTokens: 8 },
  algorithm: { type: 'grpo' },
  optimizer: { learningRate: 1e-3 },
  sampling: { maxTokens: 8 },
  stages: [
    { type: 'stage', name: 'one', maxSteps: 20 },
    { type: 'stage', name: 'two', maxSteps: 20, remeasure: {} },
    { type: 'stage', name: 'three', maxSteps: 20 },
  ],
});
const now = 20;
const problems = Array.from({ length: 90 }, (_, i) => mathProblem({ id: `p${i}`, answer: 'yes' }));

/**
 * Creates observations: a third of the problems is never solved, a third is always solved, and a third is solved half
 * of the time and then trained on until it is always solved.
 */
function observations(): Observation[] {
  const attempt = (i: number, rollout: number, step: number, isCorrect: boolean): Observation => ({
    problemId: `p${i}`,
    source: { type: step === 0 ? 'base' : 'training' },
    step,
    rollout,
    outcome: isCorrect ? 'correct' : 'incorrect',
  });
  return problems.flatMap((_, i) =>
    Array.from({ length: 8 }, (_x, rollout) => [
      attempt(i, rollout, 0, i % 3 === 2 || (i % 3 === 1 && rollout < 4)),
      ...(i % 3 === 1 ? [attempt(i, rollout, 10, rollout < 7), attempt(i, rollout, 18, true)] : []),
    ]).flat(),
  );
}

function boundary(extra: readonly Observation[] = [], temperature = 1) {
  const asked: string[] = [];
  const engine = scriptedEngine({
    complete: (key) => {
      asked.push(key);
      return Number(key.slice(1)) % 3 === 0 ? 'no' : 'yes';
    },
  });
  const store = openPassRateStore(':memory:');
  const sampling = { temperature, topP: 1, topK: 0, stop: [], maxTokens: 8, verifier: 'exact@1' };
  const conditions = { model: engine.info.modelHash, ...templateOf(engine), ...sampling };
  const editions = editionsOf(problems);
  const all = [...observations(), ...extra].map((one) => ({ ...one, edition: editions.get(one.problemId)! }));
  store.record(conditions, all);
  const context = {
    recipe,
    problems,
    engine,
    store,
    verifierFor: () => verifier,
    pending: createPendingWork(),
    report: () => {},
    run: { step: now },
  } as unknown as TrainingContext;
  const measure = async (where: Parameters<typeof whereChanged>[0]) => {
    const config = remeasureConfig.parse({ problems: 'all', rollouts: 8, where: whereChanged(where) });
    if (config.where.type !== 'changed') throw new Error('expected where it changed');
    const remeasure = { ...config, where: config.where };
    return remeasureChanged(context, 1, problems, { ...reinforceStages(recipe.stages)[1]!, remeasure });
  };
  return { measure, asked };
}

test('decides from known trials without new rollouts, and discounts older training rollouts', async () => {
  const { measure, asked } = boundary();
  const { passRates } = await measure({ share: 0 });
  expect(asked).toEqual([]);
  const rateOf = (id: string): number => passRates.get(id)!.successes / passRates.get(id)!.trials;
  expect([rateOf('p1'), rateOf('p2')]).toEqual([1, 1]);
  expect(rateOf('p0')).toBeLessThan(0.5);
  expect(passRates.get('p1')!.trials).toBeGreaterThan(1);
});

test('spends rollouts on problems whose selection may have changed, within the cost share', async () => {
  const { measure, asked } = boundary();
  const { passRates, note } = await measure({ share: 0.3, recall: 1 });
  const kinds = (kind: number): number => asked.filter((key) => Number(key.slice(1)) % 3 === kind).length;
  expect(asked.length).toBeLessThanOrEqual(0.36 * 8 * problems.length);
  // The stage excludes only problems that are always solved, so measuring those that are never solved cannot change it.
  expect(kinds(1)).toBeGreaterThan(kinds(0));
  expect(kinds(1)).toBeGreaterThan(kinds(2));
  expect(note).toMatch(/^; \d+ of 90 measured again in \d+ attempts/);
  const again = boundary();
  expect(await again.measure({ share: 0.3, recall: 1 })).toEqual({ passRates, note });
  expect(await measure({ share: 0.3, recall: 1 })).toEqual({ passRates, note });
});

test('ignores trials that the run recorded before it was resumed from an earlier step, and those with other sampling settings', async () => {
  const { passRates, note } = await boundary().measure({ share: 0.2 });
  const later = Array.from({ length: 8 }, (_, rollout) => rollout).flatMap((rollout): Observation[] => [
    { problemId: 'p0', source: { type: 'training' }, step: now, rollout, outcome: 'correct' },
    { problemId: 'p3', source: { type: 'boundary', stage: 2 }, step: now, rollout, outcome: 'correct' },
  ]);
  expect(await boundary(later).measure({ share: 0.2 })).toEqual({ passRates, note });
  const warm = await boundary([], 0.5).measure({ share: 0 });
  expect(new Set([...warm.passRates.values()].map((one) => JSON.stringify(one))).size).toBe(1);
});
