import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { commitOf, type FakeHub, openFakeHub } from '../../test/hub/fake-hub.ts';
import { file, hub } from './file-source.ts';
import { jsonl } from './jsonl-source.ts';
import { ProblemIds } from './problem-ids.ts';
import { type LoadOptions, loadSource, problemSourceConfig } from './problem-source.ts';

const commit = commitOf('only');
const rows = '{"question":"1+1?","answer":"2"}\n{"question":"1+2?","answer":"3"}\n';
const sha256 = '91ba7e4bb7f09c61ef7e0ab8d0a4d5db6fbd5d8f2f3b9f0f3f0b9a7b0e8ac000';

let folder: string;
let fake: FakeHub;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gradus-source-'));
  const commits = { [commit]: { 'data/train-1.jsonl': rows, 'data/train-2.jsonl': rows } };
  fake = await openFakeHub([{ name: 'us/sums', commits, branches: { main: commit } }]);
  vi.stubEnv('HF_HUB_CACHE', folder);
  vi.stubEnv('HF_ENDPOINT', fake.endpoint);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await fake[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const load = async (config: object, options: Partial<LoadOptions> = {}) =>
  loadSource(problemSourceConfig.parse(config), { baseDir: folder, ...options });

test('records the files of a source', async () => {
  writeFileSync(join(folder, 'sums.jsonl'), rows);
  const { problems, record } = await load(file('sums.jsonl'));
  expect(problems.map(({ answer }) => answer)).toEqual(['2', '3']);
  expect(record).toEqual({
    source: 'sums.jsonl',
    problems: 2,
    files: [{ name: 'sums.jsonl', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: rows.length }],
  });
});

test('reads all files of a split on a hub and records the commit', async () => {
  const source = hub({ dataset: 'us/sums', path: 'train' });
  expect(source).toEqual({ type: 'file', path: 'hf://datasets/us/sums/train' });
  const { problems, record } = await load(source);
  expect(problems).toHaveLength(4);
  expect(problems[2]!.id).toBe(`${problems[0]!.id}-2`);
  expect(problems[0]!.source).toBe(`hf://datasets/us/sums@${commit}/data/train-1.jsonl`);
  expect(record).toMatchObject({ source: 'hf://datasets/us/sums/train', commit, problems: 4 });
  expect(record!.files.map(({ name }) => name)).toEqual([
    `hf://datasets/us/sums@${commit}/data/train-1.jsonl`,
    `hf://datasets/us/sums@${commit}/data/train-2.jsonl`,
  ]);
  const lines = await load(
    jsonl('hf://datasets/us/sums/data/train-1.jsonl', { columns: { prompt: 'question' } }),
  );
  expect(lines.problems.map(({ id }) => id)).toEqual(problems.slice(0, 2).map(({ id }) => id));
});

test('enforces a pinned revision and sha256 digests', async () => {
  await expect(load(hub({ dataset: 'us/sums', path: 'train', pinned: true }))).rejects.toThrow(
    'as the revision of a pinned source',
  );
  const pinned = hub({ dataset: 'us/sums', revision: commit, path: 'train', pinned: true });
  expect((await load(pinned)).problems).toHaveLength(4);
  writeFileSync(join(folder, 'sums.jsonl'), rows);
  await expect(load(file('sums.jsonl', { sha256: [sha256] }))).rejects.toThrow(
    /sums.jsonl: expected content with sha256 91ba7e4b.*, got [0-9a-f]{64}; the file has changed/,
  );
  await expect(load({ ...pinned, sha256: [sha256] })).rejects.toThrow(
    'expected 1 files, one for each digest in "sha256", got 2',
  );
});

test('counts skipped rows in the record', async () => {
  writeFileSync(join(folder, 'sums.jsonl'), `${rows}{"question":"no gold"}\n`);
  const { record } = await load(file('sums.jsonl', { onError: 'skip' }));
  expect(record).toMatchObject({ problems: 2, skipped: 1 });
});

test('rejects a file that changes while it is read', async () => {
  const path = join(folder, 'sums.jsonl');
  writeFileSync(path, rows);
  class WritingIds extends ProblemIds {
    override ofContent(problem: Parameters<ProblemIds['ofContent']>[0]): string {
      appendFileSync(path, '\n');
      return super.ofContent(problem);
    }
  }
  await expect(load(file('sums.jsonl'), { ids: new WritingIds() })).rejects.toThrow(
    'got one that changed; read it again',
  );
});
