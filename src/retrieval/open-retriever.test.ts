import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bm25Settings } from './bm25-index.ts';
import { buildIndexFolder } from './index-folder.ts';
import { bm25, bm25Index, openRetriever, retrieverConfig } from './open-retriever.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-retriever-'));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, ...texts: string[]): void =>
  writeFileSync(join(folder, name), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));

const open = (config: ReturnType<typeof bm25 | typeof bm25Index>) =>
  openRetriever(retrieverConfig.parse(config), folder);

test('searches files of passages, relative to the recipe', async () => {
  write('facts.jsonl', 'Lima is in Peru', 'Quito is in Ecuador');
  write('more.jsonl', 'Lima has a coast');
  await using retriever = open(bm25({ passages: ['facts.jsonl', 'more.jsonl'] }));
  expect((await retriever.search('Lima coast', 2)).map(({ id }) => id)).toEqual(['2/1', '1/1']);
});

test('the version depends on the content of the files and on the settings', () => {
  write('facts.jsonl', 'Lima is in Peru');
  const first = open(bm25({ passages: 'facts.jsonl' })).version;
  expect(open(bm25({ passages: 'facts.jsonl' })).version).toBe(first);
  expect(open(bm25({ passages: 'facts.jsonl', analyser: 'english' })).version).not.toBe(first);
  write('facts.jsonl', 'Lima is in Perú');
  expect(open(bm25({ passages: 'facts.jsonl' })).version).not.toBe(first);
});

test('fails if files change between opening and the first query', async () => {
  write('changing.jsonl', 'before');
  await using retriever = open(bm25({ passages: 'changing.jsonl' }));
  write('changing.jsonl', 'after');
  await expect(retriever.search('after', 1)).rejects.toThrow('it changed after its version was read');
  write('changing.jsonl', 'before');
  expect(await retriever.search('before', 1)).toHaveLength(1);
});

test('opens an index on disk, and fails immediately if its folder is not an index', async () => {
  const settings = bm25Settings.parse({});
  const { version } = await buildIndexFolder([{ id: 'a', text: 'Lima' }], join(folder, 'kb'), settings);
  await using retriever = open(bm25Index({ path: 'kb' }));
  expect(retriever.version).toBe(`bm25-${version}`);
  expect(await retriever.search('lima', 1)).toMatchObject([{ id: 'a', text: 'Lima' }]);
  expect(() => open(bm25Index({ path: 'missing' }))).toThrow('expected the folder of an index');
  expect(() => open(bm25({ passages: 'missing.jsonl' }))).toThrow('expected a file of passages');
});
