import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runDigest } from '../runs/run-digest.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { hasTorch } from '../worker/environment.ts';
import { gradus, makeWorkplace, startGradus, sums, tinyRecipe, writeRows } from './gradus.ts';

const folder = makeWorkplace('torch');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeRows(join(folder, 'problems.jsonl'), sums);
const recipe = tinyRecipe({
  policy: { model: 'model', engine: { type: 'torch', device: 'cpu' } },
  // A random model solves nothing, so the gradient comes from entropy and lengths.
  algorithm: { type: 'grpo', entropy: 0.1, truncated: { softOverlong: { cache: 6 } } },
  stages: [{ type: 'stage', name: 'all', maxSteps: 4, updatesPerStep: 2 }],
  checkpoints: { everySteps: 1 },
});
writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));

describe.skipIf(!hasTorch)('training on PyTorch (skipped without a Python environment)', () => {
  test(
    'a run that was killed and resumed ends with the same bits as an uninterrupted one',
    { timeout: 240_000 },
    async () => {
      const calm = await gradus(folder, 'train', 'recipe.json', '--runs', 'calm');
      expect(calm).toMatchObject({ code: 0 });
      const running = startGradus(folder, ['train', 'recipe.json', '--runs', 'rough', '--json']);
      await running.said('"step":2');
      running.child.kill('SIGKILL');
      expect((await running.ended).code).toBe(null);
      expect(await gradus(folder, 'resume', 'rough/tiny-0001')).toMatchObject({ code: 0 });
      const digest = (runs: string) => runDigest(join(folder, runs, 'tiny-0001'));
      expect(await digest('rough')).toEqual(await digest('calm'));
    },
  );

  test(
    'two ranks learn like one process, and end with the same bits after a kill and a resume',
    { timeout: 240_000 },
    async () => {
      const twoRanks = ['--set', 'policy.engine.ranks=2'];
      expect(await gradus(folder, 'train', 'recipe.json', '--runs', 'pair', ...twoRanks)).toMatchObject({
        code: 0,
      });
      const norms = async (runs: string): Promise<readonly number[]> => {
        using run = await openRunReader(join(folder, runs, 'tiny-0001'));
        return [...run.metric('optim/gradNorm').values];
      };
      const [ours, expected] = [await norms('pair'), await norms('calm')];
      expect(ours).toHaveLength(4);
      expect(Math.min(...expected)).toBeGreaterThan(0.001);
      for (const [step, norm] of ours.entries()) expect(norm / expected[step]!).toBeCloseTo(1, 3);
      const args = ['train', 'recipe.json', '--runs', 'broken', '--json', ...twoRanks];
      const running = startGradus(folder, args);
      await running.said('"step":2');
      running.child.kill('SIGKILL');
      await running.ended;
      expect(await gradus(folder, 'resume', 'broken/tiny-0001')).toMatchObject({ code: 0 });
      const digest = (runs: string) => runDigest(join(folder, runs, 'tiny-0001'));
      expect(await digest('broken')).toEqual(await digest('pair'));
    },
  );

  test(
    'sample works on a trained run, and on a plain folder with --engine torch',
    { timeout: 120_000 },
    async () => {
      const how = ['1+1=?', '--max-tokens', '4'];
      const trained = await gradus(folder, 'sample', 'calm/tiny-0001', ...how);
      expect(trained).toMatchObject({ code: 0 });
      const [ours, theirs] = await Promise.all([
        gradus(folder, 'sample', 'model', ...how),
        gradus(folder, 'sample', 'model', ...how, '--engine', 'torch', '--set', 'device=cpu'),
      ]);
      expect(theirs).toMatchObject({ code: 0, stdout: ours.stdout });
    },
  );
});
