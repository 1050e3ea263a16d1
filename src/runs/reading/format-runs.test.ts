import { rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { createRun } from '../writing/create-run.ts';
import { formatRun, formatRunList } from './format-runs.ts';
import { listRuns } from './list-runs.ts';
import { openRunReader } from './run-reader.ts';

const root = makeFastFolder('format');
afterAll(() => rmSync(root, { recursive: true }));

const clock = (): Date => new Date('2026-11-22T10:00:00.000Z');

test('formats the output of runs list and show', async () => {
  expect(formatRunList(await listRuns(`${root}/none`))).toBe('no runs yet; start one with: gradus demo');
  const parent = { run: 'older', step: 9 };
  await using run = await createRun(root, { name: 'demo', recipe: { a: 1 }, seed: 7, parent }, { clock });
  const metrics = { 'reward/mean': 0.123456, 'batch/groups': 8 };
  await run.recordStep({ step: 1, stage: 'easy\u001b[31m', metrics });
  const event = { step: 1, stage: 'easy\u001b[31m', type: 'stage-end', message: 'reached\nits target' };
  await run.recordEvent(event);
  await run.finish('failed', 'no problems left');

  expect(formatRunList(await listRuns(root))).toBe(
    [
      'run        status  step  stage      seed  started',
      'demo-0001  failed  1     easy␛[31m  7     2026-11-22 10:00:00',
    ].join('\n'),
  );
  using reader = await openRunReader(run.directory);
  const page = formatRun(reader);
  expect(page).toContain(
    `run      ${run.directory}\nstatus   failed (no problems left)\nstep     1, stage easy␛[31m\n`,
  );
  expect(page).toContain('parent   run older, step 9');
  expect(page).toContain('easy␛[31m  1-1    reached␊its target');
  expect(page).toContain('metric        last step\nbatch/groups  8\nreward/mean   0.1235');
});
