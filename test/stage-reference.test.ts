import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { imitate, solutions } from '../src/curriculum/imitate.ts';
import { stage } from '../src/curriculum/stage.ts';
import { defineRecipe } from '../src/recipe/define-recipe.ts';
import type { Recipe } from '../src/recipe/recipe.ts';
import { checkRecipe } from '../src/recipe/resolve-stage.ts';
import { runLayout } from '../src/runs/files/layout.ts';
import { openRunReader } from '../src/runs/reading/run-reader.ts';
import { resumeTraining, startTraining } from '../src/training/start.ts';
import { hasTorch } from './worker/environment.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-reference-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recipeOn = (type: 'embedded' | 'torch', reference: 'run' | 'stage', kl: number | null = 0.01): Recipe =>
  defineRecipe({
    name: `${type}-${reference}`,
    policy: {
      model: fileURLToPath(new URL('../models/gradus-tiny', import.meta.url)),
      engine: type === 'torch' ? { type, device: 'cpu' } : { type },
    },
    problems: [{ type: 'generated', families: ['addition'], knobs: [1, 2], count: 40, split: 'train' }],
    verifiers: { math: { type: 'math', extraction: 'boxed' } },
    algorithm: { type: 'grpo', kl: kl === null ? null : { coefficient: kl } },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 16 },
    batch: { problems: 8, groupSize: 4 },
    stages: [
      imitate('copy', { examples: solutions(), batchSize: 8, maxSteps: 2 }),
      stage('explore', { maxSteps: 3, reference }),
    ],
    checkpoints: { everySteps: 1 },
  });

async function klOf(directory: string): Promise<readonly number[]> {
  using run = await openRunReader(directory);
  return [...run.metric('policy/kl').values];
}

const engines = ['embedded', ...(hasTorch ? ['torch' as const] : [])] as const;

test.each(engines)(
  '%s: KL against the start of the stage begins at 0, and resumes with the same values',
  { timeout: 240_000 },
  async (type) => {
    const calm = await startTraining(recipeOn(type, 'stage'), folder);
    const [first, second, third] = await klOf(calm);
    expect(Math.abs(first!)).toBeLessThan(1e-9);
    expect(second).toBeGreaterThan(1e-6);
    expect(existsSync(runLayout(calm).referenceState)).toBe(false);

    const stop = new AbortController();
    const report = (event: { type: string; step?: number }): void => {
      if (event.type === 'step' && event.step === 4) stop.abort();
    };
    const watch = { signal: stop.signal, report };
    await expect(startTraining(recipeOn(type, 'stage'), folder, watch)).rejects.toThrow('stopped');
    const rough = join(folder, `${type}-stage-0002`);
    await resumeTraining(rough);
    expect(await klOf(rough)).toEqual([first, second, third]);
  },
);

test('KL against the base model is above 0 after a stage of imitation', async () => {
  const [first] = await klOf(await startTraining(recipeOn('embedded', 'run'), folder));
  expect(first).toBeGreaterThan(1e-4);
});

test('a reference without a KL term is rejected', () => {
  expect(() => checkRecipe(recipeOn('embedded', 'stage', null))).toThrow(
    "stage 'explore': expected a KL term for reference: 'stage'",
  );
});
