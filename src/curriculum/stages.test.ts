import { expect, test } from 'vitest';
import { band } from '../difficulty/levels/level-rules.ts';
import { level } from '../difficulty/levels/levels.ts';
import { defineRecipe } from '../recipe/define-recipe.ts';
import type { RecipeInput } from '../recipe/recipe.ts';
import { harvest, imitate, solutions } from './imitate.ts';
import { stage } from './stage.ts';
import { firstMeasured, rounds } from './stages.ts';

const minimal: RecipeInput = {
  name: 'some',
  policy: { model: 'model' },
  optimizer: { learningRate: 1e-3 },
  stages: [],
};
const problems: RecipeInput['problems'] = [{ type: 'generated', split: 'train', perCell: 1 }];
const verifiers: RecipeInput['verifiers'] = { math: { type: 'math', extraction: 'boxed' } };
const withStages = (stages: RecipeInput['stages'], more: Partial<RecipeInput> = {}) =>
  defineRecipe({ ...minimal, ...more, stages });

test('rounds repeats stages under different names, as plain data', () => {
  const stages = rounds<RecipeInput['stages'][number]>(2, (n) => [
    imitate(`copy ${n}`, { examples: harvest({ rollouts: n }) }),
    stage(`explore ${n}`, { maxSteps: n }),
  ]);
  expect(stages.map(({ name }) => name)).toEqual(['copy 1', 'explore 1', 'copy 2', 'explore 2']);
  expect(JSON.parse(JSON.stringify(stages))).toEqual(stages);
});

test('a recipe that imitates a file needs neither problems nor algorithm nor sampling', () => {
  const recipe = withStages([imitate('copy', { examples: 'examples.jsonl' })]);
  expect(recipe.stages[0]).toMatchObject({ start: 'current', batchSize: 32, epochs: 1, heldOut: 0 });
  expect(defineRecipe(recipe)).toEqual(recipe);
});

test.each([
  ['problems', [imitate('copy', { examples: solutions() })], {}, /problems: expected .* stage 'copy' needs/],
  ['sampling', [imitate('copy', { examples: harvest() })], { problems, verifiers }, /'copy': .* sampling/],
  [
    'an algorithm',
    [stage('explore', { maxSteps: 1 })],
    { problems, verifiers, sampling: { maxTokens: 8 } },
    /stage 'explore': expected the recipe to have algorithm, got none; add algorithm: dapo\(\)/,
  ],
  [
    'pass rates',
    [imitate('copy', { examples: solutions({ select: 'easy' }) })],
    { problems, levels: [level('easy', band({ min: 0.5 }))] },
    /stage 'copy' selects by level and needs pass rates/,
  ],
  [
    'a known level',
    [imitate('copy', { examples: solutions({ select: 'eazy' }) })],
    { problems, difficulty: { type: 'pass-rate', maxTokens: 8 } },
    /eazy/,
  ],
] as const)('rejects a stage without %s', (_, stages, more, message) => {
  expect(() => withStages([...stages], more as Partial<RecipeInput>)).toThrow(message);
});

test('rejects unknown keys of imitate and harvest with the nearest known one', () => {
  const bad = { ...imitate('copy', { examples: harvest() }), epoch: 2 };
  expect(() => withStages([bad as never])).toThrow(/stages\[0\]\.epoch: unknown key; did you mean "epochs"/);
});

test('firstMeasured returns the first stage that reinforces or selects problems', () => {
  const all = (...stages: RecipeInput['stages']) =>
    withStages(stages, {
      problems,
      verifiers,
      algorithm: { type: 'grpo' },
      sampling: { maxTokens: 8 },
      difficulty: { type: 'pass-rate', maxTokens: 8 },
      levels: [level('easy', band({ min: 0.5 }))],
    }).stages;
  const copy = imitate('copy', { examples: 'a.jsonl' });
  expect(firstMeasured(all(copy, stage('explore', { maxSteps: 1 })))).toBe(1);
  expect(firstMeasured(all(imitate('easy', { examples: harvest({ select: 'easy' }) }), copy))).toBe(0);
  expect(firstMeasured(all(copy))).toBe(-1);
});
