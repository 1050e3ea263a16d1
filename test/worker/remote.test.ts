import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { sampleTurns } from '../../src/testing/single-turn.ts';
import { openTorchEngine } from '../../src/engines/torch/engine.ts';
import { sshCommand, workerOptions } from '../../src/engines/torch/open-transport.ts';
import { findPython, workerFolder } from '../../src/engines/torch/python.ts';
import { hasTorch } from './environment.ts';

const model = 'test/golden/parity-qwen2';
const settings = { model, device: 'cpu', notify: () => {} } as const;
const folder = mkdtempSync(join(tmpdir(), 'torch-remote-'));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  delete process.env['GRADUS_WORKER_TOKEN'];
});

/** Starts a worker that listens on a free port; returns its address. */
async function listen(token: string): Promise<string> {
  const env = { ...process.env, PYTHONPATH: workerFolder, GRADUS_WORKER_TOKEN: token };
  const child = spawn(findPython(), ['-m', 'gradus_worker', '--http', '127.0.0.1:0'], { env });
  children.push(child);
  for await (const text of child.stderr.setEncoding('utf8')) {
    const address = /listening on (http:\S+)/.exec(String(text))?.[1];
    if (address !== undefined) return address;
  }
  throw new Error('it never listened');
}

async function written(engine: LearningEngine): Promise<string[]> {
  const prompts = ['1+2=?', '7'].map((key) => ({ key, prompt: engine.renderer.encode(key), count: 4 }));
  const all: string[] = [];
  for await (const { key, index, tokens } of sampleTurns(engine, { prompts, maxTokens: 10, seed: 1 }))
    all.push(`${key} ${index} ${tokens.join()}`);
  return all.toSorted();
}

describe.skipIf(!hasTorch)(
  'a remote worker (skipped without a Python environment)',
  { timeout: 120_000 },
  () => {
    test('serves one client after another over HTTP, with a token', async () => {
      await using local = await openTorchEngine(settings);
      const expected = await written(local);
      const remote = await listen('secret');
      process.env['GRADUS_WORKER_TOKEN'] = 'wrong';
      await expect(openTorchEngine({ ...settings, remote })).rejects.toThrow(/401/);
      process.env['GRADUS_WORKER_TOKEN'] = 'secret';
      for (const client of [1, 2]) {
        await using engine = await openTorchEngine({ ...settings, remote });
        // Requests are answered in order, regardless of the number of connections.
        const [first, second, step] = await Promise.all([
          written(engine),
          written(engine),
          engine.learner.optimStep({ learningRate: 0 }),
        ]);
        expect([first, second, step.policyVersion]).toEqual([expected, expected, 1]);
        const another = openTorchEngine({ ...settings, remote });
        await expect(another, `client ${client}`).rejects.toMatchObject({ code: 'WORKER_CONFLICT' });
        await engine.learner.saveState(join(folder, 'state'));
      }
    });

    test('is started over ssh, and its stdout carries only frames', async () => {
      // Runs the command locally, as the login shell of the remote machine would.
      writeFileSync(join(folder, 'ssh'), '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n');
      chmodSync(join(folder, 'ssh'), 0o755);
      const path = process.env['PATH'];
      process.env['PATH'] = `${folder}:${path}`;
      try {
        await using local = await openTorchEngine(settings);
        const remote = `ssh://me@gpu${workerFolder}`;
        await using engine = await openTorchEngine({ ...settings, remote });
        expect(await written(engine)).toEqual(await written(local));
        // Earlier policies need a folder that both machines can access.
        expect(local.learner.freezePolicy).toBeDefined();
        expect(engine.learner.freezePolicy).toBeUndefined();
        await using shared = await openTorchEngine({ ...settings, remote, scratch: folder });
        expect(shared.learner.freezePolicy).toBeDefined();
      } finally {
        process.env['PATH'] = path;
        rmSync(folder, { recursive: true });
      }
    });
  },
);

test('an address off loopback requires a token', async () => {
  const opening = openTorchEngine({ ...settings, remote: 'http://gpu.example:8765' });
  await expect(opening).rejects.toMatchObject({ name: 'ConfigError' });
});

test('passes the address, port and command to ssh', () => {
  expect(sshCommand("ssh://me@gpu:2222/srv/it's").slice(5)).toEqual([
    'ServerAliveInterval=15',
    '-p',
    '2222',
    '--',
    'me@gpu',
    expect.stringContaining('gradus_worker 3<&0 4>&1 </dev/null >&2'),
  ]);
  expect(sshCommand('ssh://gpu/~/gradus/worker').at(-1)).toContain('cd "$HOME"/');
  const options = workerOptions({ ranks: 2, cluster: { address: 'auto' } });
  expect(sshCommand('ssh://gpu/srv', options).at(-1)).toMatch(
    /gradus_worker .*--ranks.* .*2.* .*--ray.* .*auto/,
  );
  expect(options).toEqual(['--ranks', '2', '--ray', 'auto']);
  const replicas = ['http://a:8000', 'http://b:8000'];
  expect(workerOptions({ ranks: 1, vllm: { replicas, tensorParallel: 1 }, scratch: '/disk' })).toEqual([
    '--replica',
    'http://a:8000',
    '--replica',
    'http://b:8000',
    '--weights',
    '/disk',
  ]);
  expect(workerOptions({ ranks: 1, vllm: { replicas: 2, tensorParallel: 4 } })).toEqual([
    '--vllm',
    '2',
    '--tensor-parallel',
    '4',
  ]);
});

test('several ranks are rejected for a worker that Gradus does not start', async () => {
  const opening = openTorchEngine({ ...settings, remote: 'http://127.0.0.1:8765', ranks: 2 });
  await expect(opening).rejects.toMatchObject({
    name: 'ConfigError',
    tryNext: 'python -m gradus_worker --ranks 2 --http HOST:PORT',
  });
});
