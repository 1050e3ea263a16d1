import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { openRun } from '../../src/runs/writing/open-run.ts';
import { runDigest } from './run-digest.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { makeFastFolder } from './fast-folder.ts';

const root = makeFastFolder('kill');
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Child = ChildProcessByStdio<Writable, Readable, null>;

function startTraining(verb: 'create' | 'resume', path: string): Child {
  const script = fileURLToPath(import.meta.resolve('./train.ts'));
  return spawn(process.execPath, ['-C', 'development', script, verb, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Waits until the process has taken `steps` steps (or ended), then waits `delayMs`, and kills it. Returns the exit code; `null` if killed. */
async function killAfterSteps(child: Child, steps: number, delayMs: number): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  // Ignore EPIPE: a killed process does not read the answer.
  child.stdin.on('error', () => {});
  let taken = -1;
  for await (const _ of createInterface(child.stdout)) {
    taken++;
    if (taken > 0) child.stdin.write('go on\n');
    if (taken === steps) break;
  }
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill('SIGKILL');
  return ended;
}

const untouched = Number.POSITIVE_INFINITY;

test(
  'training killed repeatedly with SIGKILL ends with the same digest as uninterrupted training',
  { timeout: 60_000 },
  async () => {
    const calm = join(root, 'calm');
    expect(await killAfterSteps(startTraining('create', calm), untouched, 0)).toBe(0);
    const expected = await runDigest(join(calm, 'kill-0001'));

    const rng = createRng(5, 'kill points');
    const rough = join(root, 'rough');
    expect(await killAfterSteps(startTraining('create', rough), rng.integer(1, 7), rng.next() * 10)).toBe(
      null,
    );
    const directory = join(rough, 'kill-0001');
    let kills = 1;
    for (let exit: number | null = null; exit !== 0; kills++) {
      exit = await killAfterSteps(startTraining('resume', directory), rng.integer(0, 9), rng.next() * 10);
    }
    expect(kills).toBeGreaterThan(4);
    expect(await runDigest(directory)).toEqual(expected);
    const files = (each: string): string[] => (readdirSync(each, { recursive: true }) as string[]).toSorted();
    expect(files(directory)).toEqual(files(join(calm, 'kill-0001')));
    using reader = await openRunReader(directory);
    expect(reader.sessions().length).toBe(kills);
  },
);

test('a second process on a run gets RUN_LOCKED, and a killed process leaves no lock', async () => {
  const child = startTraining('create', join(root, 'locked'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  // The process waits for an answer after its first step, so the run is still open here.
  const directory = join(root, 'locked', 'kill-0001');
  await expect(openRun(directory)).rejects.toMatchObject({
    code: 'RUN_LOCKED',
    message: expect.stringMatching(new RegExp(`process ${child.pid} on \\S+ since 20\\d\\d-`)),
  });
  using reader = await openRunReader(directory);
  expect(reader.summary().status).toBe('running');
  child.kill('SIGKILL');
  await ended;
  expect(reader.summary().status).toBe('interrupted');
  await using run = await openRun(directory);
  expect(reader.summary()).toMatchObject({ status: 'running', step: run.step });
});
