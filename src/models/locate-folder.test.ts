import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { commitOf, type FakeHub, openFakeHub } from '../../test/hub/fake-hub.ts';
import { modelFolder } from './locate-folder.ts';
import { locateModel, openModel } from './open-model.ts';

const golden = 'test/golden/parity-qwen2';
const files = Object.fromEntries(
  readdirSync(golden).map((name) => [name, new Uint8Array(readFileSync(join(golden, name)))]),
);
const [first, second] = [commitOf('first'), commitOf('second')];
const repository = {
  kind: 'model' as const,
  name: 'us/tiny',
  commits: {
    [first]: { ...files, 'pytorch_model.bin': 'pickled', 'onnx/model.onnx': 'other' },
    [second]: {},
  },
  branches: { main: first } as Record<string, string>,
  lfs: ['model.safetensors'],
};

let cache: string;
let hub: FakeHub;
beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), 'gradus-model-'));
  hub = await openFakeHub([repository]);
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  repository.branches['main'] = first;
  await hub[Symbol.asyncDispose]();
  rmSync(cache, { recursive: true });
});

test('fetches a hub model as a folder that engines open, without unused formats', async () => {
  const { folder } = await locateModel('hf://us/tiny');
  expect(readdirSync(folder).toSorted()).toEqual(
    Object.keys(files)
      .filter((name) => !name.endsWith('.md'))
      .toSorted(),
  );
  const [here, there] = [await openModel({ folder }), await openModel({ folder: golden })];
  expect(here.sampler.info.modelHash).toBe(there.sampler.info.modelHash);
  await Promise.all([here, there].map((engine) => engine[Symbol.asyncDispose]()));
});

test('pins a run to the commit with which it started', async () => {
  const began = await modelFolder('hf://us/tiny', {});
  expect(began.record).toEqual({ source: 'hf://us/tiny', commit: first });
  repository.branches['main'] = second;
  const commits = new Map([['hf://us/tiny', first]]);
  expect(await modelFolder('hf://us/tiny', { commits })).toEqual(began);
  await expect(modelFolder('hf://us/tiny', { isOffline: true })).resolves.toEqual(began);
  await expect(modelFolder('hf://us/other', { isOffline: true })).rejects.toThrow('expected it in the cache');
  expect(await modelFolder('models/mine', {})).toEqual({ folder: 'models/mine' });
});

test('rejects a run given as a model folder and names its model', async () => {
  const run = join(cache, 'mine-0001');
  mkdirSync(join(run, 'export'), { recursive: true });
  writeFileSync(join(run, 'run.sqlite'), '');
  await expect(modelFolder(run, {})).rejects.toThrow(
    `${run}: expected a model folder, got a run without an exported model`,
  );
  writeFileSync(join(run, 'export', 'config.json'), '{}');
  await expect(modelFolder(run, {})).rejects.toThrow(`got a run; its model is in ${join(run, 'export')}`);
});
