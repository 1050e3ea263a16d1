import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { type RunDigest, runDigest } from '../../runs/run-digest.ts';
import { openRunReader } from '../../../src/runs/reading/run-reader.ts';
import { makeFastFolder } from '../../runs/fast-folder.ts';

const gradus = fileURLToPath(new URL('../../../bin/gradus.mjs', import.meta.url));
const recipe = fileURLToPath(new URL('./kill-recipe.ts', import.meta.url));
const root = makeFastFolder('kill');
afterAll(() => rmSync(root, { recursive: true, force: true }));

const start = (...words: string[]): ChildProcess =>
  spawn(process.execPath, [gradus, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });

/** Resolves to the exit code, `null` for a killed process. */
const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', resolve));

/** Waits for some time, then kills the process unless it has ended. */
async function killAfter(child: ChildProcess, milliseconds: number): Promise<number | null> {
  const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  const exit = await ended(child);
  clearTimeout(timer);
  return exit;
}

/** Trains to the end despite kills: each process runs for the given time, the last one until it ends. Counts the
 * kills. */
async function trainThroughKills(
  folder: string,
  lives: readonly number[],
): Promise<{ readonly digest: RunDigest; readonly evaluations: string[]; readonly kills: number }> {
  let exit = await killAfter(start('train', recipe, '--runs', folder), lives[0]!);
  let kills = 0;
  for (const life of [...lives.slice(1), Infinity]) {
    if (exit === 0) break;
    expect(exit, 'ended by the kill').toBeNull();
    kills++;
    const [run] = runsIn(folder);
    // If the kill came after the last record, the run is already finished.
    if (run !== undefined && (await isFinished(join(folder, run)))) exit = 0;
    if (exit === 0) break;
    const words = run === undefined ? ['train', recipe, '--runs', folder] : ['resume', join(folder, run)];
    const child = start(...words);
    exit = life === Infinity ? await ended(child) : await killAfter(child, life);
  }
  expect(exit).toBe(0);
  const run = join(folder, runsIn(folder)[0]!);
  return { digest: await runDigest(run), evaluations: await evaluationsOf(run), kills };
}

async function isFinished(directory: string): Promise<boolean> {
  using reader = await openRunReader(directory);
  return reader.summary().status === 'finished';
}

async function evaluationsOf(directory: string): Promise<string[]> {
  using reader = await openRunReader(directory);
  return [...reader.evaluations()].map((evaluation) => JSON.stringify(evaluation, undefined, 1));
}

function runsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch {
    return [];
  }
}

test(
  'runs killed at twenty moments end with the same bits as an uninterrupted run',
  { timeout: 900_000 },
  async () => {
    const calm = join(root, 'calm');
    const before = performance.now();
    expect(await ended(start('train', recipe, '--runs', calm))).toBe(0);
    const duration = performance.now() - before;
    const expected = await runDigest(join(calm, 'kill-0001'));
    const evaluations = await evaluationsOf(join(calm, 'kill-0001'));

    const rng = createRng(11, 'kill moments');
    for (let [i, kills] = [0, 0]; kills < 20; i++) {
      // The first kill of a run may come at any time; five more kill the processes that resume it.
      const first = 0.9 * ((0.618 * i + 0.2 * rng.next()) % 1);
      const others = Array.from({ length: 5 }, () => 0.1 + 0.4 * rng.next());
      const lives = [first, ...others].map((share) => share * duration);
      const rough = await trainThroughKills(join(root, `rough-${i}`), lives);
      // Compared as text before their hash, so that a failure shows the number that differs.
      expect(rough.evaluations).toEqual(evaluations);
      expect(rough.digest).toEqual(expected);
      kills += rough.kills;
    }
  },
);
