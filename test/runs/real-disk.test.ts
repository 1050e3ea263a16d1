import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { GradusError } from '../../src/core/errors.ts';
import { createRun } from '../../src/runs/writing/create-run.ts';
import { openRun } from '../../src/runs/writing/open-run.ts';
import { runDigest } from './run-digest.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { makeFastFolder } from './fast-folder.ts';
import { type ScriptedPlan, trainScripted } from './scripted-training.ts';

const root = makeFastFolder('disk');
const disk = join(root, 'disk');
mkdirSync(disk);

function mount(...values: string[]): boolean {
  return spawnSync('/bin/mount', values, { stdio: 'ignore' }).status === 0;
}

/** True if a disk of 4 MiB could be mounted. */
const hasDisk = process.platform === 'linux' && mount('-t', 'tmpfs', '-o', 'size=4m', 'none', disk);
afterAll(() => {
  if (hasDisk) spawnSync('/bin/umount', ['-l', disk]);
  rmSync(root, { recursive: true, force: true });
});

const plan: ScriptedPlan = { steps: 6, stageSteps: 3, checkpointEvery: 1, weights: 20_000 };

describe.skipIf(!hasDisk)('on a small disk', () => {
  test('a run stopped by a full disk at various points resumes to the same result', async () => {
    await using calm = await createRun(join(root, 'calm'), { name: 'disk', recipe: { plan }, seed: 2 });
    await trainScripted(calm, plan);
    const expected = await runDigest(calm.directory);
    const ballast = join(disk, 'ballast');
    let directory: string;
    {
      await using run = await createRun(disk, { name: 'disk', recipe: { plan }, seed: 2 });
      directory = run.directory;
    }
    const failures: string[] = [];
    for (let freeBytes = 200_000; ; freeBytes += 90_000) {
      rmSync(ballast, { force: true });
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(ballast, new Uint8Array(Math.max(0, bavail * bsize - freeBytes)));
      try {
        await using run = await openRun(directory);
        await trainScripted(run, plan);
        break;
      } catch (error) {
        failures.push(GradusError.isInstance(error) ? `${error.code}: ${error.tryNext}` : String(error));
      }
    }
    expect(failures.length).toBeGreaterThan(2);
    expect(new Set(failures)).toEqual(new Set([`RUN_DISK_FULL: gradus resume ${directory}`]));
    expect(await runDigest(directory)).toEqual(expected);
  });

  test('a run on a read-only disk can be read but not resumed (RUN_NOT_WRITABLE)', async () => {
    rmSync(join(disk, 'ballast'), { force: true });
    const directories: string[] = [];
    for (const end of ['finished', 'interrupted'] as const) {
      await using run = await createRun(disk, { name: 'read-only', recipe: {}, seed: 2 });
      await run.recordStep({ step: 1, stage: 's', metrics: { 'reward/mean': 1 } });
      await run.finish(end, 'for now');
      directories.push(run.directory);
    }
    expect(mount('-o', 'remount,ro', disk)).toBe(true);
    for (const directory of directories) {
      using reader = await openRunReader(directory);
      expect(reader.summary()).toMatchObject({ step: 1, reason: 'for now' });
      await expect(openRun(directory)).rejects.toMatchObject({ code: 'RUN_NOT_WRITABLE' });
    }
    const another = createRun(disk, { name: 'another', recipe: {}, seed: 2 });
    await expect(another).rejects.toMatchObject({ code: 'RUN_NOT_WRITABLE' });
    expect(mount('-o', 'remount,rw', disk)).toBe(true);
  });
});
