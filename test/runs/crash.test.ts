import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { RunError } from '../../src/core/errors.ts';
import { createRun } from '../../src/runs/writing/create-run.ts';
import { openRun } from '../../src/runs/writing/open-run.ts';
import { runDigest } from './run-digest.ts';
import { makeFastFolder } from './fast-folder.ts';
import { smallPlan, trainScripted } from './scripted-training.ts';

/** Runs before every operation that changes the disk. */
let beforeOperation = (): void => {};

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const original = await importOriginal();
  const watched = { ...original };
  for (const name of ['writeFile', 'rename', 'rm', 'mkdir', 'open'] as const) {
    const call = original[name] as (...values: unknown[]) => unknown;
    Object.assign(watched, {
      [name]: (...values: unknown[]) => {
        beforeOperation();
        return call(...values);
      },
    });
  }
  return { ...watched, default: watched as unknown as typeof original.default };
});

const root = makeFastFolder('crash');
let restore = (): void => {};
afterEach(() => {
  beforeOperation = () => {};
  restore();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Watches transactions, which begin and end with an `exec`. */
function watchDatabase(): void {
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    beforeOperation();
    exec.call(this, sql);
  };
  restore = () => (DatabaseSync.prototype.exec = exec);
}

async function newRun(folder: string): Promise<string> {
  await using run = await createRun(join(root, folder), {
    name: 'demo',
    recipe: { plan: smallPlan },
    seed: 3,
  });
  return run.directory;
}

/** Copies the files that a kill at this moment would leave on the disk. */
function snapshot(directory: string, to: string): void {
  cpSync(directory, to, { recursive: true, filter: (path) => basename(path) !== 'run.lock' });
}

/** Resumes the run, unless it was killed after its end. */
async function resumeToEnd(directory: string): Promise<void> {
  try {
    await using run = await openRun(directory);
    await trainScripted(run, smallPlan);
  } catch (error) {
    if (!(error instanceof RunError) || error.code !== 'RUN_FINISHED') throw error;
  }
}

test('a run killed before any of its disk operations resumes to the same result', async () => {
  const directory = await newRun('every-operation');
  const snapshots: string[] = [];
  watchDatabase();
  beforeOperation = () => {
    const to = join(root, 'snapshots', String(snapshots.length));
    snapshot(directory, to);
    snapshots.push(to);
  };
  await resumeToEnd(directory);
  beforeOperation = () => {};
  const expected = await runDigest(directory);
  expect(snapshots.length).toBeGreaterThan(100);
  const ends = new Set<string>();
  for (const killed of snapshots) {
    await resumeToEnd(killed);
    ends.add((await runDigest(killed)).total);
    expect(filesOf(killed)).toEqual(filesOf(directory));
    rmSync(killed, { recursive: true });
  }
  expect([...ends]).toEqual([expected.total]);
});

test('partial files of a killed run are removed and never read', async () => {
  const directory = await newRun('half-written');
  writeFileSync(join(directory, 'rollouts', '.tmp-step-000001-train.parquet'), 'PAR1 half');
  writeFileSync(join(directory, 'rollouts', 'step-000009-train.parquet'), 'a file without a row');
  cpSync(join(directory, 'rollouts'), join(directory, 'checkpoints', '.tmp-step-000001'), {
    recursive: true,
  });
  cpSync(join(directory, 'rollouts'), join(directory, 'checkpoints', 'step-000001'), { recursive: true });
  // A file or folder without a committed row still has its marker.
  writeFileSync(join(directory, 'rollouts', '.tmp-step-000009-train.parquet-pending'), '');
  writeFileSync(join(directory, 'checkpoints', '.tmp-step-000001-pending'), '');
  cpSync(join(directory, 'rollouts'), join(directory, '.tmp-export'), { recursive: true });
  const clean = await newRun('half-written');
  for (const each of [directory, clean]) await resumeToEnd(each);
  expect(filesOf(directory)).toEqual(filesOf(clean));
  expect((await runDigest(directory)).total).toBe((await runDigest(clean)).total);
});

test('an export that was being replaced when the process was killed is restored on resume', async () => {
  const directory = await newRun('old-export');
  mkdirSync(join(directory, '.tmp-export-old'));
  writeFileSync(join(directory, '.tmp-export-old', 'config.json'), '{"kept":true}');
  const run = await openRun(directory);
  await run[Symbol.asyncDispose]();
  expect(readFileSync(join(directory, 'export', 'config.json'), 'utf8')).toBe('{"kept":true}');
  expect(readdirSync(directory).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
});

test('the digest changes with a weight, metric or rollout, but not with a time', async () => {
  const directory = await newRun('digest');
  await resumeToEnd(directory);
  const before = await runDigest(directory);
  const change = async (sql: string): Promise<string[]> => {
    const database = new DatabaseSync(join(directory, 'run.sqlite'));
    database.exec(sql);
    database.close();
    const after = await runDigest(directory);
    return Object.keys(before).filter(
      (part) => before[part as keyof typeof before] !== after[part as keyof typeof after],
    );
  };
  expect(await change("UPDATE steps SET recorded_at = 'now'; UPDATE sessions SET pid = 1")).toEqual([]);
  const timing = "SELECT id FROM metric_names WHERE name = 'time/step'";
  expect(await change(`UPDATE metrics SET value = 0 WHERE name_id = (${timing})`)).toEqual([]);
  expect(await change("UPDATE events SET message = 'other' WHERE id = 1")).toEqual(['total', 'events']);
  expect(await change('UPDATE metrics SET value = value + 1e-9 WHERE step = 2')).toEqual([
    'total',
    'metrics',
    'events',
  ]);
  expect(existsSync(join(directory, 'export', 'model'))).toBe(true);
  writeFileSync(join(directory, 'export', 'model', 'config.json'), '{"weights":2}');
  expect(await change('SELECT 1')).toEqual(['total', 'model', 'metrics', 'events']);
});

function filesOf(directory: string): string[] {
  return (readdirSync(directory, { recursive: true }) as string[])
    .filter((path) => path !== 'run.lock')
    .toSorted();
}
