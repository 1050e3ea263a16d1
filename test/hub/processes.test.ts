import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commitOf, type FakeHub, openFakeHub } from './fake-hub.ts';

const commit = commitOf('only');
const address = `hf://datasets/us/large@${commit}/large.parquet`;
const size = 4_000_000;

let cache: string;
let hub: FakeHub;
beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), 'gradus-hub-'));
  const content = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
  const commits = { [commit]: { 'large.parquet': content } };
  hub = await openFakeHub([{ name: 'us/large', commits, branches: {}, lfs: ['large.parquet'] }]);
});
afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(cache, { recursive: true });
});

function startFetch(): {
  readonly child: ChildProcessByStdio<null, Readable, null>;
  readonly output: Promise<string>;
} {
  const env = { ...process.env, HF_HUB_CACHE: cache, HF_ENDPOINT: hub.endpoint };
  const child = spawn(process.execPath, ['-C', 'development', 'test/hub/fetch.ts', address], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (piece) => (text += String(piece)));
  return { child, output: new Promise((done) => child.on('close', () => done(text))) };
}

const contentRequests = (): (string | undefined)[] =>
  hub.requests.filter(({ server }) => server === 'content').map(({ range }) => range);

test('concurrent processes download a file only once', async () => {
  const all = await Promise.all([1, 2, 3].map(() => startFetch().output));
  expect(all.map((text) => text.trim().split('\n').at(-1))).toEqual(
    Array.from({ length: 3 }, () => `whole ${size}`),
  );
  expect(contentRequests()).toEqual([undefined]);
});

test('a process killed during a download blocks no other, and the next one resumes it', async () => {
  hub.fault = ({ server }) => (server === 'content' ? { stallAfter: 1_000_000 } : undefined);
  const first = startFetch();
  await new Promise<void>((done) => {
    first.child.stdout.on('data', (text) => {
      if (String(text).includes('1000000')) done();
    });
  });
  const second = startFetch();
  await new Promise((done) => setTimeout(done, 300));
  hub.fault = () => undefined;
  first.child.kill('SIGKILL');
  expect(await second.output).toMatch(/whole 4000000\n$/);
  expect(contentRequests()).toEqual([undefined, 'bytes=1000000-']);
  expect(readdirSync(join(cache, 'datasets--us--large', 'blobs'))).toEqual([
    expect.stringMatching(/^[0-9a-f]{64}$/),
  ]);
});
