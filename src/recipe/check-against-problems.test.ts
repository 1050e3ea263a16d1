import { expect, test } from 'vitest';
import type { Problem } from '../core/problem.ts';
import { plateau } from '../curriculum/advance-rules.ts';
import { levelWeighted } from '../curriculum/samplers/level-weighted.ts';
import { stage } from '../curriculum/stage.ts';
import { defineRecipe } from './define-recipe.ts';
import type { RecipeInput } from './recipe.ts';
import { checkStages, problemWarnings } from './check-against-problems.ts';

const recipeOf = (later: Parameters<typeof stage>[1], rest: Partial<RecipeInput> = {}) =>
  defineRecipe({
    name: 'r',
    policy: { model: 'm' },
    problems: [{ type: 'jsonl', path: 'p.jsonl' }],
    verifiers: { math: { type: 'math' } },
    algorithm: { type: 'grpo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 9 },
    batch: { problems: 2, groupSize: 2 },
    stages: [stage('first', { maxSteps: 1 }), stage('later', later)],
    ...rest,
  });
const problems: readonly Problem[] = ['math', 'code'].map((domain) => ({
  id: domain,
  domain,
  prompt: [{ role: 'user', content: 'q' }],
  answer: '1',
  source: 'p.jsonl',
}));

test('rejects an unknown domain, metric or level of a later stage before training starts', () => {
  const check = (later: Parameters<typeof stage>[1]) => () => checkStages(recipeOf(later), problems);
  expect(check({ maxSteps: 1, mix: { math: 2, code: 1 } })).not.toThrow();
  expect(check({ maxSteps: 1, mix: { math: 2, cod: 1 } })).toThrow(
    'stage "later": mix: expected domains of problems, got "cod"; did you mean "code"?',
  );
  expect(check({ maxSteps: 1, mix: { logic: 1 } })).toThrow('domains: math, code');
  expect(check({ maxSteps: 1, advanceWhen: plateau({ metric: 'reward/code/mean' }) })).not.toThrow();
  expect(check({ maxSteps: 1, advanceWhen: plateau({ metric: 'reward/maen' }) })).toThrow(
    'got "reward/maen", which is never recorded',
  );
  expect(() => recipeOf({ maxSteps: 1, sampler: levelWeighted({ weights: { hrad: 1 } }) })).toThrow(
    'stage "later", sampler level-weighted: expected the name of a level, got "hrad"',
  );
});

test('warns about rewards for unknown domains, and about steps larger than the problem set', () => {
  const recipe = recipeOf({ maxSteps: 1, problemsPerStep: 3 }, { rewards: { mth: { type: 'outcome' } } });
  expect(problemWarnings(recipe, problems)).toEqual([
    'rewards: no problem has the domain "mth"; did you mean "math"?',
    'stage "later": expected at least 3 problems for a step, got 2; ' +
      "add problems, or lower batch.problems or the stage's problemsPerStep",
  ]);
});

test('warns about ambiguous golds, and about exit rules that can never fire', () => {
  const dated = problems.map((problem) => ({
    ...problem,
    answer: problem.domain === 'math' ? '3/4/2024' : '1',
  }));
  const recipe = recipeOf({ maxSteps: 20, advanceWhen: plateau({ metric: 'reward/mean', window: 100 }) });
  expect(problemWarnings(recipe, dated)).toEqual([
    expect.stringContaining('the reading of 1 of 2 is a guess, e.g. problem math: "3/4/2024" is a date'),
    expect.stringContaining('"later": advanceWhen looks at 100 steps of reward/mean, but the stage has 20'),
  ]);
});
