import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { jsonLines, makeWorkplace, openCommands, sums, tinyRecipe, writeRows } from '../gradus.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const folder = makeWorkplace('damaged');
const run = join('runs', 'tiny-0001');
const here = (...names: string[]): string => join(folder, ...names);

beforeAll(async () => {
  writeRows(here('problems.jsonl'), sums);
  const recipe = tinyRecipe({
    stages: [{ type: 'stage', name: 'all', maxSteps: 4 }],
    checkpoints: { everySteps: 2 },
  });
  writeFileSync(here('recipe.json'), JSON.stringify(recipe));
  await gradus('train', 'recipe.json');
  // Make the run look as if it had been killed after step 4: interrupted, without an exported model.
  rmSync(here(run, 'export'), { recursive: true });
  const database = new DatabaseSync(here(run, 'run.sqlite'));
  database.exec("UPDATE run SET status = 'interrupted', ended_at = NULL");
  database.close();
  // Corrupt the newest state without changing its size.
  const weights = here(run, 'checkpoints', 'step-000004', 'engine', 'weights.f32');
  const bytes = readFileSync(weights);
  writeFileSync(weights, bytes.fill(7, 0, 64));
});
const commands = openCommands(folder);
const { run: gradus } = commands;
afterAll(() => {
  commands[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

test('sample and eval use the newest undamaged checkpoint, and name it', async () => {
  for (const words of [
    ['sample', run, '1+1=?', '--max-tokens', '4'],
    ['eval', run],
  ]) {
    const { code, stderr } = await gradus(...words);
    expect(stderr).toMatch(/step-000004.*checksum mismatch.*falling back to .*step-000002/);
    expect(code).toBe(0);
  }
});

test('resume falls back too, and keeps files that the run never recorded', async () => {
  const copy = join('runs', 'copy-0001');
  cpSync(here(run), here(copy), { recursive: true });
  mkdirSync(here(copy, 'checkpoints', 'step-000099'));
  writeFileSync(here(copy, 'rollouts', 'step-000099-train.parquet'), 'mine');
  const { code, stdout, stderr } = await gradus('resume', copy);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  expect(stdout).toMatch(/! step-000004 is damaged: .*checksum mismatch/);
  expect(stdout).toMatch(/, from step 2/);
  expect(stdout).toMatch(/! kept, because this run never recorded them: .*step-000099/);
  expect(existsSync(here(copy, 'checkpoints', 'step-000099'))).toBe(true);
  expect(readFileSync(here(copy, 'rollouts', 'step-000099-train.parquet'), 'utf8')).toBe('mine');
});

test('train ends at once if no run can be created, and lists only folders that exist', async () => {
  const started = await gradus('train', 'recipe.json', '--runs', '/proc/gradus-runs');
  expect([started.code, started.stderr]).toEqual([5, expect.stringContaining('accepts no new folders')]);
  const listed = await gradus('runs', 'list', 'nofolder');
  expect([listed.code, listed.stderr]).toEqual([5, expect.stringContaining('found nothing there')]);
});

test('sample lists the answers in order with --json and warns about --max-tokens above the window', async () => {
  const words = [
    'sample',
    resolve('models/gradus-tiny'),
    '1+1=?',
    '--count',
    '4',
    '--max-tokens',
    '4000',
    '--json',
  ];
  const { code, stderr, ...ended } = await gradus(...words);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /! --max-tokens 4000: prompt and answer together are limited to the model's 256 tokens/,
  );
  const result = jsonLines({ code, stderr, ...ended }).at(-1) as unknown as { index: number }[];
  expect(result.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
});

test('sft with one example learns the example once per epoch', async () => {
  writeRows(here('one.jsonl'), [{ prompt: '1+1=', completion: '2' }]);
  const lines = jsonLines(await gradus('sft', 'model', 'one.jsonl', '--runs', 'taught', '--json'));
  expect(lines.at(-1)).toMatchObject({ stages: [{ steps: 1, imitation: { examples: 1, tokens: 2 } }] });
});
