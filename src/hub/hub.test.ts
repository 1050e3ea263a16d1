import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { commitOf, type FakeHub, openFakeHub } from '../../test/hub/fake-hub.ts';
import { hubAddress, isInside, parseHubAddress } from './address.ts';
import { cachedRepository, cacheFolder } from './cache.ts';
import { type FetchOptions, fetchHubFiles } from './hub.ts';

const first = commitOf('first');
const second = commitOf('second');
const large = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) & 0xff));
const train = '{"question":"1+1?","answer":"#### 2"}\n';

const repository = () => ({
  name: 'openai/gsm8k',
  commits: {
    [first]: {
      'README.md': '# GSM8K',
      'main/train.jsonl': train,
      'main/test.jsonl': 'test',
      'data/large.parquet': large,
    },
    [second]: { 'main/train.jsonl': 'changed' },
  },
  branches: { main: first, 'refs/convert/parquet': second } as Record<string, string>,
  lfs: ['data/large.parquet'],
});

let cache: string;
let hub: FakeHub;
let repo: ReturnType<typeof repository>;

beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), 'gradus-hub-'));
  repo = repository();
  hub = await openFakeHub([repo, { ...repository(), name: 'us/private', token: 'hf_secret' }]);
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_TOKEN', undefined);
  vi.stubEnv('HF_HUB_OFFLINE', undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  rmSync(cache, { recursive: true });
});

const fetched = async (address: string, options: FetchOptions = {}): Promise<string[]> =>
  (await fetchHubFiles(address, { pauseMs: 1, ...options })).files.map(({ file }) =>
    readFileSync(file, 'latin1'),
  );
const repositoryFolder = (): string => join(cache, 'datasets--openai--gsm8k');
const largeText = large.toString('latin1');
const largeAddress = `hf://datasets/openai/gsm8k@${first}/data/large.parquet`;
const requested = (): string[] =>
  hub.requests.map(({ server, path }) => `${server} ${path.replace(/\?.*/, '')}`);

test('parses an address into a dataset or model, a revision and a path, and writes the same address back', () => {
  expect(parseHubAddress('hf://datasets/openai/gsm8k/main/train')).toEqual({
    kind: 'dataset',
    repository: 'openai/gsm8k',
    revision: 'main',
    path: 'main/train',
  });
  expect(parseHubAddress('hf://Qwen/Qwen2.5-0.5B@v1')).toEqual({
    kind: 'model',
    repository: 'Qwen/Qwen2.5-0.5B',
    revision: 'v1',
    path: '',
  });
  expect(parseHubAddress('hf://datasets/a/b@refs/convert/parquet/default/train').revision).toBe(
    'refs/convert/parquet',
  );
  const name = fc.stringMatching(/^[\w-][\w.-]{0,8}$/);
  const address = fc.record({
    kind: fc.constantFrom('dataset' as const, 'model' as const),
    repository: fc
      .tuple(name, name)
      .map((parts) => parts.join('/'))
      .filter((one) => !one.startsWith('datasets/')),
    revision: fc.stringMatching(/^[\w-][\w./-]{0,10}$/).filter(isInside),
    path: fc
      .array(fc.stringMatching(/^[\w*=-][\w. *=-]{0,8}$/), { maxLength: 3 })
      .map((parts) => parts.join('/')),
  });
  fc.assert(
    fc.property(address, (one) => {
      expect(parseHubAddress(hubAddress(one))).toEqual(one);
    }),
  );
});

test.each([
  'hf://datasets/gsm8k',
  'hf://datasets/../../etc/passwd',
  'hf://datasets/a/../secret',
  'hf://datasets/a/b/../../../secret',
  'hf://datasets/a/b@%zz/x',
  'hf://datasets/a/b@..%2F..%2Fsecret/x',
  'hf://datasets/a/b@main?x=1/x',
  'hf://',
])('rejects the address %s', (address) => {
  expect(() => parseHubAddress(address)).toThrow('expected hf://datasets/<owner>/<name>');
});

test('a branch is looked up on every fetch; a commit is read from the cache', async () => {
  const { commit, files } = await fetchHubFiles('hf://datasets/openai/gsm8k/main/train');
  expect([commit, files.map(({ path }) => path)]).toEqual([first, ['main/train.jsonl']]);
  expect(readFileSync(files[0]!.file, 'utf8')).toBe(train);
  const before = hub.requests.length;
  expect(await fetched(`hf://datasets/openai/gsm8k@${first}/main/train.jsonl`)).toEqual([train]);
  expect(hub.requests).toHaveLength(before);
  repo.branches['main'] = second;
  expect(await fetched('hf://datasets/openai/gsm8k/main/train')).toEqual(['changed']);
  expect(await fetched('hf://datasets/openai/gsm8k/main/train', { commit: first })).toEqual([train]);
});

test('a branch that moves between listing and download does not change what is read', async () => {
  hub.fault = (_, count) => {
    if (count === 2) repo.branches['main'] = second;
    return undefined;
  };
  expect(await fetched('hf://datasets/openai/gsm8k/main/train')).toEqual([train]);
  expect(requested()[1]).toBe(`hub /datasets/openai/gsm8k/resolve/${first}/main/train.jsonl`);
});

test('an interrupted download resumes where it stopped, even in a different process', async () => {
  const contentRanges = (): (string | undefined)[] =>
    hub.requests.filter(({ server }) => server === 'content').map(({ range }) => range);
  hub.fault = ({ server }, count) => (server === 'content' && count < 6 ? { dropAfter: 40_000 } : undefined);
  expect(await fetched(largeAddress)).toEqual([largeText]);
  expect(contentRanges().slice(0, 2)).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);

  rmSync(cache, { recursive: true });
  let isFirst = true;
  hub.fault = ({ server }) => {
    if (server !== 'content') return undefined;
    const drop = { dropAfter: isFirst ? 100_000 : 0 };
    isFirst = false;
    return drop;
  };
  // fetch drops the bytes that it has buffered when a connection ends, so the position varies.
  const message = String(await fetched(largeAddress).catch((error: unknown) => error));
  const [, received] = /after ([1-9]\d*) of 300000 bytes \(tried 5 times\)/.exec(message) ?? [];
  expect(received).toBeDefined();
  hub.fault = () => undefined;
  hub.requests.length = 0;
  expect(await fetched(largeAddress)).toEqual([largeText]);
  expect(contentRanges()).toEqual([`bytes=${received}-`]);
});

test('content with a wrong length or hash is rejected and removed', async () => {
  const blobs = (): string[] => readdirSync(join(repositoryFolder(), 'blobs'));
  hub.fault = ({ server }) => (server === 'content' ? { body: Buffer.concat([large, large]) } : undefined);
  await expect(fetched(largeAddress)).rejects.toThrow('more than 300000 bytes');
  const wrong = Buffer.from(large);
  wrong[7]! ^= 1;
  hub.fault = ({ server }) => (server === 'content' ? { body: wrong } : undefined);
  await expect(fetched(largeAddress)).rejects.toThrow(
    /expected content with the hash [0-9a-f]{64}, got [0-9a-f]{64} twice/,
  );
  expect(blobs()).toEqual([]);
  hub.fault = ({ path }) => (path.includes('/resolve/') ? { body: train.replace('2', '3') } : undefined);
  await expect(fetched(`hf://datasets/openai/gsm8k@${first}/main/train`)).rejects.toThrow(
    /expected content with the hash [0-9a-f]{40}, got [0-9a-f]{40} twice/,
  );
  hub.fault = () => undefined;
  expect(await fetched(largeAddress)).toEqual([largeText]);
});

test('an abort ends a stalled or paused download at once; the next one resumes it', async () => {
  const stopped = new Error('stopped by the user');
  const stopping = new AbortController();
  const onDownload = (_file: string, done: number): void => void (done > 0 && stopping.abort(stopped));
  hub.fault = ({ server }) => (server === 'content' ? { stallAfter: 1000 } : undefined);
  await expect(fetched(largeAddress, { signal: stopping.signal, onDownload })).rejects.toBe(stopped);
  hub.fault = () => ({ status: 503, headers: { 'retry-after': '200' } });
  const waiting = fetched(largeAddress.replace(first, 'main'), { signal: AbortSignal.timeout(50) });
  await expect(waiting).rejects.toMatchObject({ name: expect.stringMatching(/^(Timeout|Abort)Error$/) });
  hub.fault = () => undefined;
  hub.requests.length = 0;
  expect(await fetched(largeAddress)).toEqual([largeText]);
  expect(hub.requests.find(({ server }) => server === 'content')?.range).toMatch(/^bytes=[1-9]\d*-$/);
});

test('a corrupted partial file is downloaded again from the start', async () => {
  const blobs = join(repositoryFolder(), 'blobs');
  await fetched(largeAddress);
  const [name] = readdirSync(blobs);
  rmSync(join(blobs, name!));
  writeFileSync(join(blobs, `${name}.gradus.incomplete`), 'x'.repeat(1000));
  expect(await fetched(largeAddress)).toEqual([largeText]);
});

test('transient failures are retried after Retry-After; persistent ones become one error', async () => {
  const statuses = [429, 500, 503, 408];
  hub.fault = (_, count) => {
    const status = statuses[count - 1];
    return status === undefined ? undefined : { status, headers: { 'retry-after': '0' } };
  };
  expect(await fetched('hf://datasets/openai/gsm8k/main/train')).toEqual([train]);
  hub.fault = () => ({ status: 503 });
  await expect(fetched('hf://datasets/openai/gsm8k/main/train')).rejects.toThrow(/got 503 \(tried 5 times\)/);
  hub.fault = () => ({ body: '{"sha": "' });
  await expect(fetched('hf://datasets/openai/gsm8k/main/train')).rejects.toThrow('invalid JSON');
  hub.fault = () => ({ body: '{"sha":"x","siblings":[]}' });
  await expect(fetched('hf://datasets/openai/gsm8k/main/train')).rejects.toThrow(
    "expected the hub's list of files",
  );
});

test('an error about a missing file lists the files that exist', async () => {
  hub.fault = () => undefined;
  await expect(fetched('hf://datasets/nobody/nothing/train')).rejects.toThrow(/404 RepoNotFound/);
  await expect(fetched('hf://datasets/openai/gsm8k@v9/train')).rejects.toThrow(/404 RevisionNotFound/);
  await expect(fetched('hf://datasets/openai/gsm8k/main/validation')).rejects.toThrow(
    /expected the files of "main\/validation", got none; data files there: data\/large.parquet, main\/test.jsonl, main\/train.jsonl/,
  );
  await expect(fetched('hf://datasets/openai/gsm8k')).rejects.toThrow(
    'expected a repository with one data file',
  );
  expect(await fetched('hf://datasets/openai/gsm8k/main/t*.jsonl')).toEqual(['test', train]);
  await expect(fetched('hf://datasets/openai/gsm8k/main/train', { pinned: true })).rejects.toThrow(
    'expected a commit of 40 hex digits',
  );
});

test('a listing with a path outside the repository is rejected', async () => {
  const hash = { size: 1, blobId: first };
  const siblings = [{ rfilename: '../../../outside.jsonl', ...hash }];
  hub.fault = () => ({ body: JSON.stringify({ sha: first, siblings }) });
  await expect(fetched('hf://datasets/openai/gsm8k/**')).rejects.toThrow(
    'expected a path inside the repository',
  );
});

test.each(['../../../outside', '/outside', 'main', 'A'.repeat(40), `${first}/..`, ''])(
  'a recorded commit %j that is not 40 hex digits is rejected before anything is read',
  async (commit) => {
    await expect(fetched('hf://datasets/openai/gsm8k/main/train', { commit })).rejects.toMatchObject({
      code: 'HUB_COMMIT_INVALID',
      message: expect.stringContaining('40 hex digits') as string,
    });
    expect(hub.requests).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  },
);

test('a revision whose path lies outside the references folder is rejected', () => {
  const { reference } = cachedRepository(cache, parseHubAddress('hf://datasets/openai/gsm8k'));
  for (const revision of ['..', '../main', 'a/../../b', '/etc', 'a\\b', './a', ''])
    expect(() => reference(revision)).toThrow('expected a branch, a tag or a commit');
  expect(reference('refs/pr/1')).toBe(join(repositoryFolder(), 'refs', 'refs', 'pr', '1'));
});

test('the token is sent only to the hub and never written to disk', async () => {
  const address = 'hf://datasets/us/private/data/large.parquet';
  await expect(fetched(address)).rejects.toThrow(/401 GatedRepo; .*need a token in HF_TOKEN/);
  vi.stubEnv('HF_TOKEN', 'hf_wrong');
  await expect(fetched(address)).rejects.toThrow('the token in HF_TOKEN may not read it');
  vi.stubEnv('HF_TOKEN', 'hf_secret');
  hub.requests.length = 0;
  expect(await fetched(address)).toEqual([largeText]);
  expect(hub.requests.map(({ server, authorization }) => [server, authorization])).toEqual([
    ['hub', 'Bearer hf_secret'],
    ['hub', 'Bearer hf_secret'],
    ['content', undefined],
  ]);
  const written = readdirSync(cache, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => name + readFileSync(join(parentPath, name), 'latin1'));
  expect(written.length).toBeGreaterThan(0);
  expect(written.filter((text) => text.includes('hf_secret') || text.includes('X-Signature'))).toEqual([]);
});

test('rejects redirect loops and redirects to protocols other than http and https', async () => {
  hub.fault = ({ path }) => ({ redirect: path });
  await expect(fetched('hf://datasets/openai/gsm8k/main/train')).rejects.toThrow('more than 5 redirects');
  hub.fault = () => ({ redirect: 'file:///etc/passwd' });
  await expect(fetched('hf://datasets/openai/gsm8k/main/train')).rejects.toThrow('got one to file:');
});

test('offline, cached files are read and missing ones give an error that names HF_HUB_OFFLINE', async () => {
  await fetched('hf://datasets/openai/gsm8k/main/train');
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  hub.requests.length = 0;
  expect(await fetched('hf://datasets/openai/gsm8k/main/train')).toEqual([train]);
  await expect(fetched('hf://datasets/openai/gsm8k/main/test')).rejects.toThrow(
    'because HF_HUB_OFFLINE is set',
  );
  await expect(fetched('hf://datasets/openai/other/test')).rejects.toThrow('because HF_HUB_OFFLINE is set');
  expect(hub.requests).toEqual([]);
});

test('a truncated listing in the cache is requested again', async () => {
  await fetched(largeAddress);
  writeFileSync(join(repositoryFolder(), 'trees', `${first}.json`), '{"comm');
  expect(await fetched(largeAddress)).toEqual([largeText]);
});

test('concurrent readers download a file once', async () => {
  const all = await Promise.all(Array.from({ length: 6 }, () => fetched(largeAddress)));
  expect(all).toEqual(Array.from({ length: 6 }, () => [largeText]));
  expect(hub.requests.filter(({ server }) => server === 'content')).toHaveLength(1);
  expect(readdirSync(join(repositoryFolder(), 'blobs'))).toHaveLength(1);
});

test('the cache folder follows the variables that huggingface_hub reads', () => {
  const home = homedir();
  expect(cacheFolder({})).toBe(join(home, '.cache/huggingface/hub'));
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub');
  expect(cacheFolder({ XDG_CACHE_HOME: '/x', HF_HOME: '~/hf' })).toBe(join(home, 'hf/hub'));
  expect(cacheFolder({ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old' })).toBe('/old');
  expect(cacheFolder({ HF_HUB_CACHE: '$DISK/${NAME}', DISK: '/disk', NAME: 'hub', HF_HOME: '/hf' })).toBe(
    '/disk/hub',
  );
});

/** Lays out a file as huggingface_hub does. */
function layOut(folder: string, commit: string, path: string, etag: string, content: string | Buffer): void {
  const named = join(folder, 'snapshots', commit, path);
  for (const parent of [join(folder, 'blobs'), join(named, '..')]) mkdirSync(parent, { recursive: true });
  writeFileSync(join(folder, 'blobs', etag), content);
  symlinkSync(join('../'.repeat(path.split('/').length + 1), 'blobs', etag), named);
}

test('a file that a different tool has put into the cache is not downloaded', async () => {
  const etag = createHash('sha256').update(large).digest('hex');
  layOut(repositoryFolder(), first, 'data/large.parquet', etag, large);
  expect(await fetched(largeAddress)).toEqual([largeText]);
  expect(requested()).toEqual([`hub /api/datasets/openai/gsm8k/revision/${first}`]);
});

test('a cached file of a different size, or a broken link, is downloaded again', async () => {
  const etag = createHash('sha256').update(large).digest('hex');
  layOut(repositoryFolder(), first, 'data/large.parquet', etag, large.subarray(0, 1000));
  expect(await fetched(largeAddress)).toEqual([largeText]);
  rmSync(join(repositoryFolder(), 'blobs', etag));
  expect(await fetched(largeAddress)).toEqual([largeText]);
});
