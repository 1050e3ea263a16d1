import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distil } from '../../curriculum/distil.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import type { RecipeInput } from '../../recipe/recipe.ts';
import { runLayout } from '../../runs/files/layout.ts';
import { runDigest } from '../../../test/runs/run-digest.ts';
import { openRunReader } from '../../runs/reading/run-reader.ts';
import { mean } from '../../statistics/summary.ts';
import { buildParts } from '../build.ts';
import { fineTuningRecipe } from './fine-tune.ts';
import { resumeTraining, startTraining } from '../start.ts';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';

const tiny = resolve('models/gradus-tiny');
let root = '';
let student = '';

/** Trains the policy on wrong answers to sums, so that its teacher can correct them. */
beforeAll(async () => {
  root = makeFastFolder('distil');
  const rows = Array.from({ length: 32 }, (_, n) => ({
    prompt: `${n}+${n % 7}=?`,
    completion: '\\boxed{0}',
  }));
  await writeFile(join(root, 'wrong.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const recipe = await fineTuningRecipe({
    model: tiny,
    examples: join(root, 'wrong.jsonl'),
    exportType: 'f32',
    engine: { set: ['lanes=1'] },
    optimizer: { learningRate: 3e-4 },
    batchSize: 16,
    epochs: 4,
    seed: 0,
  });
  student = runLayout(await startTraining(recipe, root)).export;
}, 300_000);
afterAll(() => rm(root, { recursive: true, force: true }));

const recipeWith = (changes: Partial<RecipeInput> = {}) =>
  defineRecipe({
    name: 'distilled',
    policy: { model: student, engine: { type: 'embedded', lanes: 1 } },
    teacher: { model: tiny },
    problems: [
      {
        type: 'generated',
        families: ['addition', 'subtraction'],
        knobs: [1, 2],
        split: 'train',
        perCell: 16,
      },
    ],
    verifiers: { math: { type: 'math', extraction: 'boxed' } },
    optimizer: { learningRate: 3e-4, beta2: 0.98 },
    sampling: { maxTokens: 24 },
    batch: { problems: 16 },
    stages: [distil('from the base', { maxSteps: 12, rollouts: 2 })],
    checkpoints: { type: 'checkpoints', everySteps: 4 },
    ...changes,
  });

test(
  'the policy approaches its teacher, and a resumed run is bit-identical',
  { timeout: 300_000 },
  async () => {
    const recipe = recipeWith();
    const calm = await startTraining(recipe, join(root, 'calm'));
    using reader = await openRunReader(calm);
    const { values } = reader.metric('distil/kl');
    expect(values).toHaveLength(12);
    expect(mean(values.slice(-3))).toBeLessThan(mean(values.slice(0, 3)) / 2);
    const correct = reader.metric('verdict/correct').values;
    expect(mean(correct.slice(-3))).toBeGreaterThan(mean(correct.slice(0, 3)));
    expect(reader.groups({ step: 1 })).toHaveLength(16);

    const stop = new AbortController();
    let rough = '';
    const interrupted = startTraining(recipe, join(root, 'rough'), {
      signal: stop.signal,
      report: (event) => {
        if (event.type === 'run-start') rough = event.run;
        if (event.type === 'step' && event.step === 6) stop.abort();
      },
    });
    await expect(interrupted).rejects.toThrow('stopped');
    await resumeTraining(rough);
    expect(await runDigest(rough)).toEqual(await runDigest(calm));
  },
);

test('a policy that is its own teacher has nothing to learn', { timeout: 300_000 }, async () => {
  const recipe = recipeWith({ teacher: { model: student }, stages: [distil('itself', { maxSteps: 1 })] });
  using reader = await openRunReader(await startTraining(recipe, join(root, 'own')));
  // Sampling and scoring use different code, whose results agree apart from rounding.
  expect(Math.abs(reader.metric('distil/kl').values[0]!)).toBeLessThan(1e-4);
  expect(reader.metric('optim/gradNorm').values[0]).toBeLessThan(1e-3);
});

test('rejects a missing teacher, one with a different tokenizer, and one whose window is too short', async () => {
  expect(() => recipeWith({ teacher: undefined })).toThrow(
    /stage 'from the base': expected the recipe to have a teacher with local weights, got none/,
  );
  const other = recipeWith({ teacher: { model: resolve('test/golden/parity-qwen2') } });
  await expect(buildParts(other)).rejects.toThrow(
    /expected .*parity-qwen2 to have the tokenizer of the policy/,
  );
  const short = join(root, 'short');
  await cp(tiny, short, { recursive: true });
  const config = JSON.parse(await readFile(join(short, 'config.json'), 'utf8')) as object;
  await writeFile(join(short, 'config.json'), JSON.stringify({ ...config, max_position_embeddings: 30 }));
  await expect(buildParts(recipeWith({ teacher: { model: short } }))).rejects.toThrow(
    /expected a window of \d+ \+ 24 tokens, .* of stage "from the base", got 30 in .*; lower maxTokens/,
  );
});
