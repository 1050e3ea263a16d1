import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { type Completion, completionsOf, type EngineInfo } from '../engine.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { FrozenPolicies } from './frozen-policies.ts';

const info: EngineInfo = { engine: 'torch', model: 'm', modelHash: 'h', device: 'cpu' };
const request = { prompts: [], maxTokens: 1, seed: 0 };

/** Creates frozen policies whose weights are just a version number, and a log of the second worker's actions. */
function frozenPolicies(scratch: string | null = null) {
  const record: string[] = [];
  let [version, loaded] = [0, -1];
  const policies = new FrozenPolicies({
    info,
    scratch,
    save: async (dir) => {
      await mkdir(dir);
      await writeFile(join(dir, 'weights'), String(version));
      return version;
    },
    open: async () => {
      record.push('open');
      return {
        loadState: async (dir) => {
          loaded = Number(await readFile(join(dir, 'weights'), 'utf8'));
          record.push(`load ${dir}`);
        },
        sample: async function* (): AsyncGenerator<Completion> {
          yield { type: 'completion', key: '', index: 0, transcript: singleTurn({ policyVersion: loaded }) };
        },
        [Symbol.asyncDispose]: async () => void record.push('close'),
      };
    },
  });
  return { policies, record, update: () => version++ };
}

async function versionsOf(
  sampler: Awaited<ReturnType<FrozenPolicies['freeze']>>['sampler'],
): Promise<number[]> {
  const versions: number[] = [];
  for await (const { transcript } of completionsOf(sampler.sample(request)))
    versions.push(transcript.written[0]!.policyVersion);
  return versions;
}

test('loads a policy only once the previous one is disposed, even if it is requested earlier', async () => {
  const { policies, record, update } = frozenPolicies();
  const first = await policies.freeze();
  update();
  const second = await policies.freeze();
  expect([first.policyVersion, second.policyVersion]).toEqual([0, 1]);
  const late = versionsOf(second.sampler);
  expect([...(await versionsOf(first.sampler)), ...(await versionsOf(first.sampler))]).toEqual([0, 0]);
  expect(record).toHaveLength(2);
  await first[Symbol.asyncDispose]();
  expect(await late).toEqual([1]);
  expect(record.map((one) => one.split(' ')[0])).toEqual(['open', 'load', 'load']);
  await policies[Symbol.asyncDispose]();
});

test('keeps the loaded policy on disk for a restart, and removes all files when closed', async () => {
  const { policies, record, update } = frozenPolicies();
  const dirs: string[] = [];
  for (let round = 0; round < 3; round++) {
    const policy = await policies.freeze();
    await versionsOf(policy.sampler);
    await policy[Symbol.asyncDispose]();
    update();
    dirs.push(record.at(-1)!.slice('load '.length));
    expect(dirs.map((dir) => existsSync(dir))).toEqual(dirs.map((_, i) => i === round));
  }
  await policies[Symbol.asyncDispose]();
  expect(existsSync(dirname(dirs[0]!))).toBe(false);
  expect(dirname(dirname(dirs[0]!))).toBe(tmpdir());
  expect(record.at(-1)).toBe('close');
});

test('a policy that never sampled does not block later ones', async () => {
  const { policies } = frozenPolicies();
  const unused = await policies.freeze();
  await unused[Symbol.asyncDispose]();
  const next = await policies.freeze();
  expect(await versionsOf(next.sampler)).toEqual([0]);
  await policies[Symbol.asyncDispose]();
});

test('creates the scratch folder', async () => {
  const scratch = join(tmpdir(), `gradus-scratch-${process.pid}`, 'policies');
  const { policies, record } = frozenPolicies(scratch);
  try {
    const policy = await policies.freeze();
    await versionsOf(policy.sampler);
    expect(record.at(-1)).toContain(`load ${scratch}`);
    await policy[Symbol.asyncDispose]();
  } finally {
    await policies[Symbol.asyncDispose]();
    await rm(dirname(scratch), { recursive: true });
  }
});
