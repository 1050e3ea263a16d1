import { rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { createRun } from '../../runs/writing/create-run.ts';
import { prometheusText } from './prometheus.ts';
import { createRunList } from './views/run-list.ts';

const root = makeFastFolder('prometheus');
afterAll(() => rmSync(root, { recursive: true }));

const scrape = async (): Promise<string[]> => {
  const text = await prometheusText(root, await createRunList(root)(), new Date());
  return text.split('\n').filter((line) => line !== '');
};

test('exports runs in progress and omits finished ones', async () => {
  const stage = 'a "hard" one\\\nand more';
  const recipe = {
    stages: [
      { name: 'easy', maxSteps: 3 },
      { name: stage, maxSteps: 4 },
    ],
  };
  await using run = await createRun(root, { name: 'live', recipe, seed: 0 });
  await using done = await createRun(root, { name: 'done', recipe: {}, seed: 0 });
  await done.finish('finished', 'done');
  await run.recordStep({ step: 1, stage, metrics: { 'reward/mean': 0.25, 'policy/entropy': 1e-7 } });
  const lines = await scrape();
  const samples = lines.filter((line) => !line.startsWith('#'));
  // A line of the text format: a name, labels in which \\, \" and \n are escaped, and a number.
  const sample =
    /^[a-z_]+\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\} [-+.\de]+$/u;
  expect(samples.filter((line) => !sample.test(line))).toEqual([]);
  expect(lines).toContain('gradus_metric{run="live-0001",metric="reward/mean"} 0.25');
  expect(lines).toContain('gradus_max_steps{run="live-0001"} 7');
  expect(lines).toContain(String.raw`gradus_stage{run="live-0001",stage="a \"hard\" one\\\nand more"} 2`);
  expect(lines.filter((line) => line.includes('done-0001'))).toEqual([]);
  expect(lines.filter((line) => line === '# TYPE gradus_metric gauge')).toHaveLength(1);
  await run.finish('finished', 'done');
  expect(await scrape()).toEqual([]);
});
