import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { scriptedGroup } from '../../../test/runs/scripted-training.ts';
import { EngineError, type RunError } from '../../core/errors.ts';
import { createRng } from '../../core/rng.ts';
import type { Checkpoint } from './checkpoint-folder.ts';
import { createRun } from './create-run.ts';
import { listRuns } from '../reading/list-runs.ts';
import { openRun } from './open-run.ts';
import { openRunReader } from '../reading/run-reader.ts';
import type { CheckpointRequest, Run } from './run.ts';

const root = makeFastFolder('open-run');
afterAll(() => rmSync(root, { recursive: true, force: true }));

let runs = 0;
async function newRun(): Promise<Run> {
  return createRun(join(root, String(runs++)), {
    name: 'demo',
    recipe: { lr: 0.1, deep: { b: 1, a: 2 } },
    seed: 5,
  });
}

async function closedRun(fill: (run: Run) => Promise<void> = async () => {}): Promise<string> {
  await using run = await newRun();
  await fill(run);
  return run.directory;
}

const checkpoint: CheckpointRequest = {
  controllerState: { cursor: 1 },
  writeEngineState: async (folder) => {
    await mkdir(folder);
    await writeFile(join(folder, 'weights'), 'weights');
  },
  retention: { keepLast: 9, keepStageEnds: true, keepBest: false },
};

const step = (n: number) => ({ step: n, stage: 's', metrics: { 'reward/mean': n } });

async function failure(action: Promise<unknown>): Promise<RunError> {
  const error: unknown = await action.then(
    () => expect.fail('expected an error'),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'RunError', tryNext: expect.any(String) });
  return error as RunError;
}

test('leaves one database file when a run is closed, and numbers the next run', async () => {
  const parent = join(root, 'numbers');
  for (const name of ['demo', 'demo', 'demo-0002', 'other']) {
    await using run = await createRun(parent, { name, recipe: {}, seed: 0 });
    expect(existsSync(run.directory)).toBe(true);
  }
  const listed = (await listRuns(parent)).map(({ folder }) => folder);
  expect(listed).toEqual(['demo-0001', 'demo-0002', 'demo-0002-0001', 'other-0001']);
  expect(existsSync(join(parent, 'demo-0001', 'run.sqlite-wal'))).toBe(false);
});

test('creates two folders for two runs that are created at the same time', async () => {
  const parent = join(root, 'at-once');
  const made = await Promise.all(
    Array.from({ length: 6 }, () => createRun(parent, { name: 'x', recipe: {}, seed: 0 })),
  );
  expect(new Set(made.map(({ directory }) => directory)).size).toBe(6);
  for (const run of made) await run[Symbol.asyncDispose]();
});

test('reads lineage, engine and sessions', async () => {
  const parent = { run: 'some-id', step: 12 };
  await using run = await createRun(join(root, 'lineage'), {
    name: 'child',
    recipe: { a: 1 },
    seed: 2,
    parent,
  });
  await run.recordEngine({ device: 'cpu' });
  using reader = await openRunReader(run.directory);
  expect(reader.summary()).toMatchObject({
    parent,
    seed: 2,
    name: 'child',
    status: 'running',
    step: 0,
    stage: null,
  });
  expect(reader.sessions()).toMatchObject([
    { pid: process.pid, engine: { device: 'cpu' }, resumedStep: 0, endedAt: null },
  ]);
  await run.finish('failed', 'the verifier broke');
  expect(reader.summary()).toMatchObject({ status: 'failed', reason: 'the verifier broke' });
});

describe('reports each reason that prevents opening a run as one clear error', () => {
  test('an invalid run name', async () => {
    for (const name of ['', '../up', 'a/b', '.hidden']) {
      expect(await failure(createRun(root, { name, recipe: {}, seed: 0 }))).toMatchObject({
        code: 'RUN_NAME',
      });
    }
  });

  test('a missing folder, or a folder that is not a run', async () => {
    const missing = await failure(openRun(join(root, 'nowhere')));
    expect(missing).toMatchObject({
      code: 'RUN_NOT_FOUND',
      message: expect.stringContaining('found nothing there'),
    });
    expect(await failure(openRunReader(root))).toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  test('a finished run', async () => {
    const directory = await closedRun((run) => run.finish('finished', 'done'));
    expect(await failure(openRun(directory))).toMatchObject({ code: 'RUN_FINISHED' });
  });

  test('a run already open in this process', async () => {
    await using run = await newRun();
    const error = await failure(openRun(run.directory));
    expect(error).toMatchObject({
      code: 'RUN_LOCKED',
      message: expect.stringContaining(`process ${process.pid} on `),
    });
  });

  test('an edited recipe, but not a reformatted one', async () => {
    const directory = await closedRun();
    const path = join(directory, 'recipe.json');
    const { hash } = JSON.parse(readFileSync(path, 'utf8')) as { hash: string };
    writeFileSync(path, JSON.stringify({ recipe: { deep: { a: 2, b: 1 }, lr: 0.1 }, hash }));
    await (await openRun(directory))[Symbol.asyncDispose]();
    for (const edited of [
      JSON.stringify({ hash, recipe: { lr: 0.2, deep: { b: 1, a: 2 } } }),
      '{"hash"',
      'null',
      '[]',
    ]) {
      writeFileSync(path, edited);
      expect(await failure(openRun(directory))).toMatchObject({ code: 'RUN_RECIPE_EDITED' });
    }
    rmSync(path);
    expect(await failure(openRun(directory))).toMatchObject({ code: 'RUN_CORRUPT' });
  });

  test('a database that is damaged, empty, or of a different version', async () => {
    const garbage = await closedRun();
    writeFileSync(join(garbage, 'run.sqlite'), 'this is not a database '.repeat(500));
    expect(await failure(openRun(garbage))).toMatchObject({ code: 'RUN_CORRUPT' });
    expect(await failure(openRunReader(garbage))).toMatchObject({ code: 'RUN_CORRUPT' });
    expect(await listRuns(join(garbage, '..'))).toEqual([
      { folder: 'demo-0001', problem: expect.stringContaining('damaged') },
    ]);
    const cut = await closedRun((run) => run.recordStep(step(1)));
    truncateSync(join(cut, 'run.sqlite'), 5000);
    expect(await failure(openRun(cut))).toMatchObject({ code: 'RUN_CORRUPT' });
    const within = await closedRun((run) => run.recordStep(step(1)));
    const bytes = readFileSync(join(within, 'run.sqlite'));
    // The header of the first page stays intact, so the file opens but its tables cannot be found.
    writeFileSync(join(within, 'run.sqlite'), bytes.fill('garbage', 100, 109));
    expect(await failure(openRun(within))).toMatchObject({ code: 'RUN_CORRUPT' });
    expect(await listRuns(join(within, '..'))).toContainEqual({
      folder: basename(within),
      problem: expect.stringContaining('damaged') as string,
    });
    const empty = await closedRun();
    truncateSync(join(empty, 'run.sqlite'), 0);
    expect(await failure(openRun(empty))).toMatchObject({ code: 'RUN_VERSION' });
  });

  // Root can open all files.
  test.skipIf(process.getuid?.() === 0)('a folder that belongs to a different user', async () => {
    const closed = await closedRun();
    chmodSync(closed, 0o600);
    const error = await failure(openRunReader(closed));
    chmodSync(closed, 0o700);
    expect(error.message).toContain('that this user may not open');
  });

  test('a file, and a folder with other content', async () => {
    const path = join(root, 'not-a-run');
    writeFileSync(path, '');
    for (const place of [path, root])
      expect((await failure(openRunReader(place))).message).toContain('a folder that is not a run');
  });

  test('a folder that is not writable', async () => {
    const path = join(root, 'a-file');
    writeFileSync(path, '');
    expect(await failure(createRun(path, { name: 'x', recipe: {}, seed: 0 }))).toMatchObject({
      code: 'RUN_NOT_WRITABLE',
    });
  });
});

test('skips a damaged checkpoint with a notice and uses the previous one', async () => {
  const directory = await closedRun(async (run) => {
    for (const n of [1, 2]) {
      await run.recordStep(step(n));
      await run.saveCheckpoint({ ...checkpoint, controllerState: n });
    }
  });
  truncateSync(join(directory, 'checkpoints', 'step-000002', 'engine', 'weights'), 3);
  {
    await using run = await openRun(directory);
    expect(run.step).toBe(1);
    expect((await run.latestCheckpoint())?.controllerState).toBe(1);
    expect(run.damage).toEqual([
      'step-000002 is damaged: engine/weights should have 7 bytes and has 3',
      'removed step-000002: recorded after the last checkpoint, to be computed again',
    ]);
    expect(existsSync(join(directory, 'checkpoints', 'step-000002'))).toBe(false);
  }
  rmSync(join(directory, 'checkpoints', 'step-000001', 'controller.json'));
  const error = await failure(openRun(directory));
  expect(error).toMatchObject({
    code: 'RUN_CHECKPOINTS_DAMAGED',
    message: expect.stringContaining('controller.json is missing'),
  });
});

test('falls back to an older checkpoint if newer ones have the right size but the wrong bytes', async () => {
  const directory = await closedRun(async (run) => {
    for (const n of [1, 2, 3]) {
      await run.recordStep(step(n));
      await run.saveCheckpoint({ ...checkpoint, controllerState: { cursor: n } });
    }
  });
  const state = join(directory, 'checkpoints', 'step-000003', 'controller.json');
  writeFileSync(state, readFileSync(state, 'utf8').replace('3', '7'));
  writeFileSync(join(directory, 'checkpoints', 'step-000002', 'engine', 'weights'), 'weighty');
  const restore = async ({ engineState }: Checkpoint): Promise<void> => {
    if (readFileSync(join(engineState, 'weights'), 'utf8') === 'weights') return;
    throw new EngineError('weights: checksum mismatch', { code: 'STATE_INVALID' });
  };
  await using run = await openRun(directory, { restore });
  expect(run.step).toBe(1);
  expect(run.damage).toEqual([
    'step-000003 is damaged: controller.json: checksum mismatch, the file changed after saving',
    'step-000002 is damaged: weights: checksum mismatch',
    'removed step-000002, step-000003: recorded after the last checkpoint, to be computed again',
  ]);
});

test('never removes or replaces files that the run did not record', async () => {
  const groups = [scriptedGroup(createRng(1), 1, 'p')];
  const directory = await closedRun(async (run) => {
    await run.recordStep({ ...step(1), groups });
    await run.saveCheckpoint(checkpoint);
    for (let n = 2; n <= 7; n++) await run.recordStep({ ...step(n), groups });
  });
  const own = {
    shard: join(directory, 'rollouts', 'step-000002-train.parquet'),
    later: join(directory, 'rollouts', 'step-000099-train.parquet'),
    folder: join(directory, 'checkpoints', 'step-000002'),
  };
  await (await openRun(directory))[Symbol.asyncDispose]();
  expect(readdirSync(join(directory, 'rollouts'))).toEqual(['step-000001-train.parquet']);
  for (const file of [own.shard, own.later]) writeFileSync(file, 'mine');
  await mkdir(own.folder);
  writeFileSync(join(own.folder, 'notes.txt'), 'mine');
  await using run = await openRun(directory);
  expect(run.damage).toEqual([
    'kept, because this run never recorded them: rollouts/step-000002-train.parquet, rollouts/step-000099-train.parquet, checkpoints/step-000002',
  ]);
  await run.recordStep({ ...step(2), groups });
  await run.saveCheckpoint(checkpoint);
  for (const file of [own.shard, own.later, join(own.folder, 'notes.txt')])
    expect(readFileSync(file, 'utf8')).toBe('mine');
  expect(readdirSync(join(directory, 'rollouts'))).toContain('step-000002-train-2.parquet');
  expect((await run.latestCheckpoint())?.engineState).toContain('step-000002-2');
});

test('reports the number of removed files and names the first ones', async () => {
  const groups = [scriptedGroup(createRng(1), 1, 'p')];
  const directory = await closedRun(async (run) => {
    for (let n = 1; n <= 6; n++) await run.recordStep({ ...step(n), groups });
  });
  await using run = await openRun(directory);
  expect(run.damage).toEqual([
    expect.stringMatching(
      /^removed 6 files: step-000001-train\.parquet, step-000002-\S+, step-000003-\S+, …: recorded/u,
    ),
  ]);
});

test('reports missing rollout files and continues', async () => {
  const directory = await closedRun(async (run) => {
    for (const n of [1, 2]) {
      const groups = [scriptedGroup(createRng(n), n, 'p')];
      await run.recordStep({ ...step(n), groups });
    }
    await run.saveCheckpoint(checkpoint);
  });
  const [first] = readdirSync(join(directory, 'rollouts'));
  rmSync(join(directory, 'rollouts', first!));
  await using run = await openRun(directory);
  expect(run.damage).toEqual([
    expect.stringMatching(/^rollouts: 1 of 2 files are missing, such as step-000001/u),
  ]);
  await run.recordStep(step(3));
});

describe.skipIf(!existsSync('/dev/full'))('a full disk', () => {
  const full = async (path: string): Promise<void> => writeFile(path, 'x'.repeat(100_000));

  test('while saving a checkpoint keeps the previous checkpoint, from which the run can continue', async () => {
    await using run = await newRun();
    await run.recordStep(step(1));
    await run.saveCheckpoint(checkpoint);
    await run.recordStep(step(2));
    const failing = run.saveCheckpoint({ ...checkpoint, writeEngineState: () => full('/dev/full') });
    expect(await failure(failing)).toMatchObject({
      code: 'RUN_DISK_FULL',
      tryNext: `gradus resume ${run.directory}`,
    });
    expect(await run.latestCheckpoint()).toMatchObject({ step: 1, controllerState: { cursor: 1 } });
    await run.saveCheckpoint(checkpoint);
    expect(await run.latestCheckpoint()).toMatchObject({ step: 2 });
  });

  test('while recording rollouts records nothing of the step', async () => {
    await using run = await newRun();
    const problem = { id: 'p', domain: 'math', source: 'generated', prompt: [] };
    const record = { ...step(1), groups: [{ group: { problem, rollouts: [] } }] };
    await using file = await open('/dev/full');
    const noSpace = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    vi.spyOn(Object.getPrototypeOf(file) as FileHandle, 'sync').mockRejectedValueOnce(noSpace);
    expect(await failure(run.recordStep(record))).toMatchObject({ code: 'RUN_DISK_FULL' });
    vi.restoreAllMocks();
    expect(run.step).toBe(0);
    await run.recordStep(record);
    expect(run.step).toBe(1);
  });
});

test('reports a full disk under the database as one error; the transaction records nothing', async () => {
  await using run = await newRun();
  await run.recordStep(step(1));
  const exec = DatabaseSync.prototype.exec;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    // Limit the database to its current size, the smallest that SQLite accepts.
    if (sql.startsWith('BEGIN')) exec.call(this, 'PRAGMA max_page_count = 1');
    exec.call(this, sql);
  };
  try {
    const event = { step: 1, type: 'note', message: 'x'.repeat(100_000) };
    expect(await failure(run.recordEvent(event))).toMatchObject({ code: 'RUN_DISK_FULL' });
  } finally {
    DatabaseSync.prototype.exec = exec;
  }
  using reader = await openRunReader(run.directory);
  expect(reader.events()).toEqual([]);
});

describe('validates records', () => {
  test('rejects non-finite or invalid metrics by name, and records nothing', async () => {
    await using run = await newRun();
    for (const value of [Number.NaN, Infinity, undefined as unknown as number]) {
      await expect(run.recordStep({ ...step(1), metrics: { 'loss/policy': value } })).rejects.toMatchObject({
        code: 'RUN_METRIC_NOT_FINITE',
        message: expect.stringContaining('loss/policy'),
      });
    }
    for (const name of ['', 'a b', '/a', 'a//b', 'a/', 'é']) {
      await expect(run.recordStep({ ...step(1), timings: { [name]: 1 } })).rejects.toMatchObject({
        code: 'RUN_METRIC_NAME',
      });
    }
    await run.recordStep({ ...step(1), timings: { 'time/step': 1 } });
    const mixed = run.recordStep({ step: 2, stage: 's', metrics: { 'time/step': 1 } });
    await expect(mixed).rejects.toMatchObject({ code: 'RUN_METRIC_NAME' });
    expect(run.step).toBe(1);
  });

  test('requires consecutive steps, and applies calls in call order', async () => {
    await using run = await newRun();
    await expect(run.recordStep(step(2))).rejects.toMatchObject({ code: 'RUN_STEP_ORDER' });
    const calls = [1, 2, 3].map((n) => run.recordStep(step(n)));
    const saved = run.saveCheckpoint(checkpoint);
    const late = run.recordEvent({ step: 3, type: 'note', message: 'after the checkpoint' });
    await Promise.all([...calls, saved, late]);
    expect(await run.latestCheckpoint()).toMatchObject({ step: 3 });
  });

  test('requires rewards to be finite and one per rollout', async () => {
    await using run = await newRun();
    const group = { problem: { id: 'p9', domain: 'math', source: 'x', prompt: [] }, rollouts: [] };
    const record = { ...step(1), groups: [{ group, rewards: [1] }] };
    await expect(run.recordStep(record)).rejects.toMatchObject({ message: expect.stringContaining('p9') });
  });

  test('rejects values that JSON would silently change, and names each value', async () => {
    await using run = await newRun();
    const bad = {
      NaN: Number.NaN,
      'a bigint': 1n,
      'a Map': new Map(),
      'a Float32Array': new Float32Array(1),
    };
    for (const [problem, value] of Object.entries(bad)) {
      const wrong = { code: 'RUN_NOT_JSON', message: expect.stringContaining(`got ${problem} at "rate"`) };
      const data = { deep: { rate: value } };
      await expect(run.saveCheckpoint({ ...checkpoint, controllerState: data })).rejects.toMatchObject(wrong);
      await expect(run.recordEvent({ step: 0, type: 'note', message: '', data })).rejects.toMatchObject(
        wrong,
      );
      await expect(run.recordEvaluation({ step: 0, name: 'x', result: data })).rejects.toMatchObject(wrong);
    }
    expect(await run.latestCheckpoint()).toBeUndefined();
  });

  test('rejects everything once the run is finished or closed', async () => {
    const run = await newRun();
    await run.finish('interrupted', 'for now');
    await expect(run.recordStep(step(1))).rejects.toMatchObject({ code: 'RUN_CLOSED' });
    await run[Symbol.asyncDispose]();
    await run[Symbol.asyncDispose]();
    const again = await openRun(run.directory);
    await again[Symbol.asyncDispose]();
    await expect(again.saveCheckpoint(checkpoint)).rejects.toMatchObject({ code: 'RUN_CLOSED' });
  });
});
