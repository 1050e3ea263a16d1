import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { likelihoodVersion } from '../difficulty/probing/likelihood.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import { defineRecipe } from '../recipe/define-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import { adoptKnownBase } from './adopt-base-attempts.ts';
import type { AttemptSource } from '../difficulty/pass-rates/attempt-source.ts';
import { templateOf } from './observation.ts';
import { readDifficulty } from './stored-difficulty.ts';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';

const folder = makeFastFolder('known');
afterAll(() => rmSync(folder, { recursive: true }));

const engine = scriptedEngine({ complete: () => '' });
const problems = ['a', 'b'].map((id) => mathProblem({ id, answer: '1' }));
const conditions = {
  model: engine.info.modelHash,
  ...templateOf(engine),
  temperature: 1,
  topP: 1,
  topK: 0,
  stop: [],
  maxTokens: 8,
  verifier: 'math@1',
};
const scoring = { model: engine.info.modelHash, ...templateOf(engine), version: likelihoodVersion };
const likelihood = (problemId: string) =>
  ({ problemId, edition: 'e', text: 'answer', digest: 'd', logprob: -1, tokens: 2 }) as const;
const attempt = (problemId: string, rollout: number, source: AttemptSource = { type: 'base' }) =>
  ({ problemId, source, step: 0, rollout, outcome: 'correct' }) as const;

const recipe = (store: string): Recipe =>
  defineRecipe({
    name: 'known',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: { math: { type: 'math' } },
    difficulty: { type: 'pass-rate', maxTokens: 8, store },
    algorithm: { type: 'grpo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 8 },
    stages: [{ type: 'stage', name: 'one', maxSteps: 1 }],
    baseDir: folder,
  });

test('copies only base attempts made under the same conditions', () => {
  {
    using known = openPassRateStore(join(folder, 'known.sqlite'));
    known.record(conditions, [attempt('a', 0), attempt('a', 1), attempt('b', 0), attempt('gone', 0)]);
    known.record(conditions, [attempt('a', 2, { type: 'training' })]);
    known.record({ ...conditions, topK: 20 }, [attempt('b', 1)]);
    known.record({ ...conditions, template: 'another' }, [attempt('b', 4)]);
    known.record(conditions, [{ ...attempt('b', 5), edition: 'another' }]);
    known.record({ ...conditions, model: 'another' }, [attempt('b', 2)]);
    known.record({ ...conditions, verifier: 'math@2' }, [attempt('b', 3)]);
    known.recordLikelihoods(scoring, [likelihood('a'), likelihood('gone')]);
    known.recordLikelihoods({ ...scoring, model: 'another' }, [likelihood('b')]);
  }
  using store = openPassRateStore(':memory:');
  for (let again = 0; again < 2; again++)
    expect(adoptKnownBase({ recipe: recipe('known.sqlite'), problems, engine }, store)).toEqual([]);
  const found = store.passRates(conditions, { source: { type: 'base' }, step: 0 });
  expect([...found].map(([id, { rollouts }]) => [id, rollouts])).toEqual([
    ['a', [0, 1]],
    ['b', [0]],
  ]);
  expect(store.likelihoods(scoring).map(({ problemId }) => problemId)).toEqual(['a']);
  expect(store.conditions().map(({ verifier, topK }) => [verifier, topK])).toEqual([
    ['math@1', 0],
    ['math@2', 0],
  ]);
});

test('warns about a missing store or a store without the model', () => {
  using store = openPassRateStore(':memory:');
  const adopt = (file: string) => adoptKnownBase({ recipe: recipe(file), problems, engine }, store);
  expect(adopt('missing.sqlite')).toEqual([expect.stringContaining('no file at')]);
  openPassRateStore(join(folder, 'empty.sqlite'))[Symbol.dispose]();
  expect(adopt('empty.sqlite')).toEqual([expect.stringContaining('has no attempts of this model')]);
});

test('keeps the trials from both verifiers of a problem', async () => {
  const file = join(folder, 'two.sqlite');
  {
    using store = openPassRateStore(file);
    store.record(conditions, [attempt('a', 0), attempt('b', 0)]);
    store.record({ ...conditions, verifier: 'code@1' }, [attempt('c', 0)]);
    store.record({ ...conditions, verifier: 'math@2' }, [attempt('a', 0)]);
  }
  const reports = await readDifficulty(file);
  expect(reports.map(({ conditions: { verifiers }, overall }) => [verifiers, overall.problems])).toEqual([
    [['math@1', 'code@1'], 3],
    [['math@2'], 1],
  ]);
});
