import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { loadRecipe } from './load.ts';
import { applyOverrides } from './overrides.ts';
import { defineRecipe } from './define-recipe.ts';
import { recipeConfig, type RecipeInput } from './recipe.ts';
import type { stage } from '../curriculum/stage.ts';

const minimal: RecipeInput = {
  name: 'small',
  policy: { model: 'models/gradus-tiny' },
  problems: [{ type: 'generated', split: 'train', perCell: 4 }],
  verifiers: { math: { type: 'math', extraction: 'boxed' } },
  algorithm: { type: 'grpo' },
  optimizer: { learningRate: 1e-6 },
  sampling: { maxTokens: 32 },
  stages: [{ type: 'stage', name: 'all', maxSteps: 3 }],
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-recipe-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const write = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

test('parsing a resolved recipe returns an equal recipe, even after a round trip through JSON', () => {
  const recipe = defineRecipe(minimal);
  expect(recipeConfig.parse(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
});

test('loads equal recipes from TOML, JSON and TypeScript', async () => {
  const toml = await write(
    'r.toml',
    `name = "small"
[policy]
model = "models/gradus-tiny"
[[problems]]
type = "generated"
split = "train"
perCell = 4
[verifiers.math]
type = "math"
extraction = "boxed"
[algorithm]
type = "grpo"
[optimizer]
learningRate = 1e-6
[sampling]
maxTokens = 32
[[stages]]
type = "stage"
name = "all"
maxSteps = 3
`,
  );
  const json = await write('r.json', JSON.stringify(minimal));
  const script = await write('r.ts', `export default ${JSON.stringify(minimal)};`);
  const expected = { ...defineRecipe(minimal), baseDir: folder };
  expect(await loadRecipe(toml)).toEqual(expected);
  expect(await loadRecipe(json)).toEqual(expected);
  expect(await loadRecipe(script)).toEqual(expected);
});

test('reports an unknown key with its path and the nearest known key', () => {
  const wrong = { ...minimal, optimizer: { learningRat: 1e-6 } } as unknown as RecipeInput;
  expect(() => defineRecipe(wrong)).toThrowErrorMatchingInlineSnapshot(`
    [ConfigError: recipe "small" is not valid:
      ✖ optimizer.learningRate: invalid input: expected number, received undefined
      ✖ optimizer.learningRat: unknown key; did you mean "learningRate"?]
  `);
  const inUnion = { ...minimal, algorithm: { type: 'grpo', clipLo: 0.1 } } as unknown as RecipeInput;
  expect(() => defineRecipe(inUnion)).toThrowErrorMatchingInlineSnapshot(`
    [ConfigError: recipe "small" is not valid:
      ✖ algorithm.clipLo: unknown key; did you mean "clipLow"?]
  `);
});

test('reports the expected type for a value of the wrong type', () => {
  const wrong = { ...minimal, sampling: { maxTokens: '32' } } as unknown as RecipeInput;
  expect(() => defineRecipe(wrong)).toThrow(/sampling\.maxTokens: .*expected number/);
});

test.each<[string, object, RegExp]>([
  [
    'a type',
    { algorithm: { type: 'grop' } },
    /algorithm\.type: expected .*"grpo".*, got "grop"; did you mean "grpo"\?/,
  ],
  ['no type', { algorithm: {} }, /algorithm\.type: expected .*"grpo".*, got none/],
  [
    'a type that resembles none',
    { algorithm: { type: 'magic' } },
    /algorithm\.type: expected .*, got "magic"$/m,
  ],
])('reports the allowed values for %s that is not allowed', (_, change, message) => {
  expect(() => defineRecipe({ ...minimal, ...change })).toThrow(message);
});

test('reports errors in a recipe without a name', () => {
  expect(() => defineRecipe({} as unknown as RecipeInput)).toThrow(/^the recipe is not valid:/);
});

test('accepts an engine by name or by settings, and reports errors for the given form', () => {
  const withEngine = (engine: unknown) => () =>
    defineRecipe({ ...minimal, policy: { model: 'm', engine } } as unknown as RecipeInput).policy.engine;
  expect(withEngine('torch')()).toEqual(withEngine({ type: 'torch' })());
  expect(withEngine('torch')()).toMatchObject({ type: 'torch', device: 'auto', lora: null });
  expect(withEngine('embedded')()).toEqual(withEngine(undefined)());
  expect(withEngine('torhc')).toThrow(
    /policy\.engine: expected "embedded" or "torch".*, got "torhc"; did you mean "torch"\?/,
  );
  expect(withEngine({ type: 'torch', devise: 'cpu' })).toThrow(
    /policy\.engine\.devise: .*did you mean "device"/,
  );
  expect(withEngine({ type: 'torch', slots: 'many' })).toThrow(/policy\.engine\.slots: .*expected number/);
});

test('rejects losses that a Tinker service cannot compute', () => {
  const trained = (changes: Partial<RecipeInput>) => () =>
    defineRecipe({
      ...minimal,
      policy: { model: 'm', engine: { type: 'torch', tinker: { baseModel: 'b' } } },
      ...changes,
    });
  expect(trained({})).not.toThrow();
  expect(trained({ sampling: { maxTokens: 8, temperature: 0.7 } })).toThrow(/got temperature 0.7/);
  expect(trained({ algorithm: { type: 'grpo', entropy: 0.1 } })).toThrow(/got an entropy term/);
});

test('rejects parts that do not fit together', () => {
  const stage = { type: 'stage', name: 'all', maxSteps: 3 } as const;
  const withStages =
    (...stages: RecipeInput['stages']) =>
    () =>
      defineRecipe({ ...minimal, stages });
  expect(withStages({ ...stage, select: 'hard' })).toThrow(/expected the name of a level, got "hard"/);
  expect(withStages(stage, stage)).toThrow(/"all" twice/);
  // @ts-expect-error an unknown setting is also a type error
  expect(withStages({ ...stage, algorithm: { clipLo: 1 } })).toThrow(
    /clipLo: unknown key; did you mean "clipLow"/,
  );
  expect(withStages({ ...stage, reward: { credit: 'fraction' } })).toThrow(/credit: expected a domain/);
  expect(withStages({ ...stage, select: { type: 'band', min: 0.1 } })).toThrow(/needs pass rates/);
});

test('--set replaces, adds and removes single fields', () => {
  const changed = applyOverrides(minimal, [
    'seed=7',
    'stages[0].maxSteps=9',
    'rewards.math.type=score',
    'name=x-1',
  ]);
  expect(changed).toMatchObject({
    seed: 7,
    stages: [{ maxSteps: 9 }],
    rewards: { math: { type: 'score' } },
    name: 'x-1',
  });
  expect(applyOverrides({ a: { b: 1 } }, ['a.b=null'])).toEqual({ a: {} });
  expect(() => applyOverrides(minimal, ['seed'])).toThrow(/expects path=value/);
  expect(() => applyOverrides(minimal, ['name.x=1'])).toThrow(
    /expected a path through objects and lists, got "small"/,
  );
  expect(() => applyOverrides(minimal, ['__proto__.x=1'])).toThrow(/path of a recipe field/);
});

test('reports a missing, unsupported or invalid recipe file', async () => {
  await expect(loadRecipe(join(folder, 'none.ts'))).rejects.toThrow(
    /expected a recipe file, found nothing there/,
  );
  await write('base.toml', 'name = "base"');
  await expect(loadRecipe(join(folder, 'bse.toml'))).rejects.toThrow(/did you mean .*base\.toml\?/);
  await expect(loadRecipe(await write('r.yaml', ''))).rejects.toThrow(
    /as \.ts, \.mts, \.js, \.mjs, \.toml or \.json, got "\.yaml"/,
  );
  await expect(loadRecipe(await write('b.json', '{'))).rejects.toThrow(/cannot be read as a recipe/);
  await expect(loadRecipe(await write('n.ts', 'export const a = 1;'))).rejects.toThrow(
    /found no default export/,
  );
});

test('converts the recipe schema to JSON Schema', () => {
  expect(z.toJSONSchema(recipeConfig, { io: 'input', unrepresentable: 'any' })).toHaveProperty(
    'properties.stages',
  );
});

test('a reward by parts must name parts that the verifier of its domain reports, even if a stage overrides it', () => {
  const answer = { name: 'answer', verifier: { type: 'short-answer' as const } };
  const recipe = (weights: Record<string, number>, reward?: Parameters<typeof stage>[1]['reward']) =>
    defineRecipe({
      ...minimal,
      verifiers: { ...minimal.verifiers, qa: { type: 'composite', parts: [answer] } },
      rewards: { qa: { type: 'parts', weights } },
      stages: [{ type: 'stage', name: 'all', maxSteps: 3, ...(reward !== undefined && { reward }) }],
    });
  expect(() => recipe({ answer: 1 }, { weights: { answer: 2 }, offset: -1 })).not.toThrow();
  expect(() => recipe({ form: 1 })).toThrow(
    'reward of qa: expected names of parts of its verifier composite() (answer), got "form"',
  );
  expect(() => recipe({ answer: 1 }, { weights: { form: 1 } })).toThrow('got "form"');
  expect(() => recipe({ answer: 1 }, { credit: 'fraction' })).toThrow(
    'reward.credit: expected a domain whose reward is scoreReward(), found none',
  );
  const stages: RecipeInput['stages'] = [{ type: 'stage', name: 'all', maxSteps: 3, reward: { offset: 1 } }];
  expect(() => defineRecipe({ ...minimal, stages })).toThrow(
    'reward.offset: expected a domain whose reward is partsReward(), found none',
  );
});
