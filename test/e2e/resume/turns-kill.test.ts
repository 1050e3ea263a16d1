import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import type { RolloutRow } from '../../../src/runs/files/rollout-row.ts';
import { readShard } from '../../../src/runs/files/rollout-shard.ts';
import { runDigest } from '../../runs/run-digest.ts';
import { makeFastFolder } from '../../runs/fast-folder.ts';

const gradus = fileURLToPath(new URL('../../../bin/gradus.mjs', import.meta.url));
const recipe = fileURLToPath(new URL('./turns-recipe.ts', import.meta.url));
const root = makeFastFolder('turns');
afterAll(() => rmSync(root, { recursive: true, force: true }));

const log = join(root, 'calls');

/** Number of killed runs; `GRADUS_KILLS=20` reproduces the result in docs/LOG.md. */
const kills = Number(process.env['GRADUS_KILLS'] ?? 6);

const start = (words: readonly string[], down = ''): ChildProcess =>
  spawn(process.execPath, [gradus, ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, GRADUS_TEST_CALLS: log, GRADUS_TEST_DOWN: down },
  });

/** Resolves to the exit code, `null` for a killed process. */
const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', resolve));

const callsBegun = (): number => (existsSync(log) ? readFileSync(log, 'utf8').split('begin').length - 1 : 0);

/** Kills a process in the middle of its n-th call of the tool. */
async function killInCall(child: ChildProcess, call: number): Promise<number | null> {
  const timer = setInterval(() => callsBegun() >= call && child.kill('SIGKILL'), 1);
  const exit = await ended(child);
  clearInterval(timer);
  return exit;
}

async function killedRun(folder: string, call: number): Promise<string> {
  rmSync(log, { force: true });
  await killInCall(start(['train', recipe, '--runs', folder]), call);
  const [run] = existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : [];
  return join(folder, run!);
}

test(
  'a run killed in the middle of calls ends with the same bits; a resumed run needs no recorded call again',
  { timeout: 600_000 + kills * 120_000 },
  async () => {
    const calm = join(root, 'calm');
    expect(await ended(start(['train', recipe, '--runs', calm]))).toBe(0);
    const directory = join(calm, 'turns-0001');
    const expected = await runDigest(directory);
    const calls = callsBegun();
    expect(calls).toBeGreaterThan(15);

    const rng = createRng(4, 'kill in calls');
    for (let i = 0; i < kills; i++) {
      const rough = await killedRun(
        join(root, `rough-${i}`),
        1 + Math.floor(((i + rng.next()) / kills) * calls * 0.9),
      );
      expect(await ended(start(['resume', rough]))).toBe(0);
      expect(await runDigest(rough)).toEqual(expected);
    }

    // Every result is recorded, so the tool is no longer needed.
    const late = await killedRun(join(root, 'late'), Math.floor(0.6 * calls));
    cpSync(join(directory, 'tool-results.sqlite'), join(late, 'tool-results.sqlite'));
    for (const suffix of ['-wal', '-shm'])
      rmSync(join(late, `tool-results.sqlite${suffix}`), { force: true });
    expect(await ended(start(['resume', late], '1-9999'))).toBe(0);
    expect(await runDigest(late)).toEqual(expected);

    const rows = await trainingRows(directory);
    const text = rows.map(({ messages, transcripts }) => `${messages} ${transcripts}`).join('\n');
    expect(text).toContain('"tool":"oracle@1"');
    expect(text).toContain('"reward":0.5');
  },
);

test(
  'a tool that is down for a while makes attempts ungradable, and the run continues',
  { timeout: 120_000 },
  async () => {
    const folder = join(root, 'down-run');
    // These calls are made in training, after measuring and the first evaluation.
    expect(await ended(start(['train', recipe, '--runs', folder], '16-20'))).toBe(0);
    const rows = await trainingRows(join(folder, 'turns-0001'));
    const failed = rows.filter(({ outcome }) => outcome === 'ungradable');
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThan(rows.length);
    expect(new Set(failed.map(({ reason }) => reason))).toEqual(
      new Set(['oracle@1 failed: the oracle is down']),
    );
    expect(failed.every(({ reward, advantage }) => reward === null && advantage === null)).toBe(true);
  },
);

async function trainingRows(directory: string): Promise<RolloutRow[]> {
  const rollouts = join(directory, 'rollouts');
  const shards = readdirSync(rollouts).filter((name) => name.includes('train'));
  return (await Promise.all(shards.map((name) => readShard(join(rollouts, name))))).flat();
}
