import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { openRun } from '../../src/runs/open-run.ts';
import { runDigest } from '../../src/runs/run-digest.ts';
import { openRunReader } from '../../src/runs/run-reader.ts';
import { makeFastFolder } from './fast-folder.ts';

const root = makeFastFolder('kill');
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Child = ChildProcessByStdio<null, Readable, null>;

function startTraining(verb: 'create' | 'resume', path: string): Child {
  const script = join(import.meta.dirname, 'train.ts');
  return spawn(process.execPath, ['-C', 'development', script, verb, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Waits for the n-th line (or the end), then `delayMs` more, and kills. Returns the exit code, `null` when killed. */
async function killAfterLine(child: Child, n: number, delayMs: number): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let lines = 0;
  for await (const _ of createInterface(child.stdout)) if (++lines === n) break;
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill('SIGKILL');
  return ended;
}

const untouched = Number.POSITIVE_INFINITY;

test(
  'training killed with SIGKILL again and again ends like training never killed',
  { timeout: 60_000 },
  async () => {
    const calm = join(root, 'calm');
    expect(await killAfterLine(startTraining('create', calm), untouched, 0)).toBe(0);
    const expected = await runDigest(join(calm, 'kill-0001'));

    const rng = createRng(5, 'kill points');
    const rough = join(root, 'rough');
    expect(await killAfterLine(startTraining('create', rough), rng.integer(2, 8), rng.next() * 10)).toBe(
      null,
    );
    const directory = join(rough, 'kill-0001');
    let kills = 1;
    for (let exit: number | null = null; exit !== 0; kills++) {
      exit = await killAfterLine(startTraining('resume', directory), rng.integer(1, 9), rng.next() * 10);
    }
    expect(kills).toBeGreaterThan(4);
    expect(await runDigest(directory)).toEqual(expected);
    const files = (each: string): string[] => (readdirSync(each, { recursive: true }) as string[]).toSorted();
    expect(files(directory)).toEqual(files(join(calm, 'kill-0001')));
    using reader = await openRunReader(directory);
    expect(reader.sessions().length).toBe(kills);
  },
);

test('a second process on the same run is refused by name, and a killed one leaves no lock', async () => {
  const child = startTraining('create', join(root, 'locked'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  // Stopped, it surely still has the run open when we look.
  child.kill('SIGSTOP');
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
