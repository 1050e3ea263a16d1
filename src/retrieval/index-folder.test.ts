import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bm25Settings } from './bm25-index.ts';
import { buildIndexFolder, openIndexFolder } from './index-folder.ts';
import { readPassages, type Passage } from './passage.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-index-'));
afterAll(() => rmSync(folder, { recursive: true }));

const settings = bm25Settings.parse({});
const passages: Passage[] = [
  { id: 'p1', title: 'Peru', text: 'Lima is the capital of Peru.' },
  { id: 'p2', text: 'Quito – Ecuador’s capital – lies at 2850 m.' },
  { id: 'p3', title: '日本', text: '東京は日本の首都である。' },
];

async function collect(files: readonly string[]): Promise<Passage[]> {
  const list: Passage[] = [];
  for await (const passage of readPassages(files)) list.push(passage);
  return list;
}

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('finds passages after saving and opening, with ids, titles and texts unchanged', async () => {
  const kb = join(folder, 'kb');
  const facts = await buildIndexFolder(passages, kb, settings);
  await using retriever = await openIndexFolder(kb);
  expect(retriever.facts).toEqual(facts);
  expect(retriever.version).toBe(`bm25-${facts.version}`);
  expect(await retriever.search('capital Peru', 3)).toEqual([
    { ...passages[0], score: expect.any(Number) as number },
    { ...passages[1], score: expect.any(Number) as number },
  ]);
  expect((await retriever.search('首都', 1))[0]).toMatchObject(passages[2]!);
  expect(await retriever.search('Oslo', 3)).toEqual([]);
});

test('the version depends on passages and settings, not on the folder', async () => {
  const build = async (name: string, list: readonly Passage[], changed: Partial<typeof settings> = {}) =>
    (await buildIndexFolder(list, join(folder, name), { ...settings, ...changed })).version;
  const first = await build('a', passages);
  expect(await build('b', passages)).toBe(first);
  const others = [
    await build('c', passages.slice(1)),
    await build('d', passages.toReversed()),
    await build('e', passages, { analyser: 'english' }),
    await build('f', passages, { k1: 1.2 }),
    await build('g', passages, { b: 0.75 }),
  ];
  expect(new Set([first, ...others]).size).toBe(6);
});

test.for([
  'passages.jsonl',
  'offsets.f64',
  'terms.txt',
  'starts.u32',
  'documents.u32',
  'counts.u8',
  'lengths.u32',
])('rejects an index whose %s was changed or truncated', async (name) => {
  const kb = join(folder, `damaged-${name}`);
  await buildIndexFolder(passages, kb, settings);
  const path = join(kb, name);
  const whole = readFileSync(path);
  const changed = Buffer.from(whole);
  changed[0]! ^= 1;
  writeFileSync(path, changed);
  await expect(openIndexFolder(kb)).rejects.toThrow(`${path}: expected content with sha256`);
  writeFileSync(path, whole.subarray(1));
  await expect(openIndexFolder(kb)).rejects.toThrow(
    `${path}: expected ${whole.length} bytes, got ${whole.length - 1}`,
  );
  rmSync(path);
  await expect(openIndexFolder(kb)).rejects.toThrow(`${path}: expected a readable file`);
});

test('rejects a folder that is not an index, and an index in a different format', async () => {
  await expect(openIndexFolder(folder)).rejects.toThrow('expected the folder of an index with an index.json');
  const kb = join(folder, 'newer');
  await buildIndexFolder(passages, kb, settings);
  const path = join(kb, 'index.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"format": 2', '"format": 3'));
  await expect(openIndexFolder(kb)).rejects.toThrow('expected an index of format 2, got "format"');
});

test('rejects an empty list of passages and repeated ids, and leaves no folder behind', async () => {
  const kb = join(folder, 'none');
  await expect(buildIndexFolder([], kb, settings)).rejects.toThrow('expected at least one passage');
  const twice = [passages[0]!, passages[0]!];
  await expect(buildIndexFolder(twice, kb, settings)).rejects.toThrow('got "p1" again');
  expect(existsSync(kb)).toBe(false);
});

test('replaces an index in place', async () => {
  const kb = join(folder, 'replaced');
  await buildIndexFolder(passages, kb, settings);
  await buildIndexFolder([{ id: '1', text: 'Oslo' }], kb, settings);
  await using retriever = await openIndexFolder(kb);
  expect(await retriever.search('oslo capital', 3)).toHaveLength(1);
});

test('reads the rows of published corpora', async () => {
  const flashRag = write('flashrag.jsonl', '{"id": "0", "contents": "\\"Lima\\"\\nLima is in Peru."}\n');
  const beir = write(
    'beir.jsonl',
    '{"_id": "d1", "title": "Lima", "text": "Lima is in Peru.", "metadata": {}}\n',
  );
  const csv = write('plain.csv', 'text\n"Lima, Peru"\n');
  expect(await collect([flashRag])).toEqual([{ id: '0', title: 'Lima', text: 'Lima is in Peru.' }]);
  expect(await collect([beir])).toEqual([{ id: 'd1', title: 'Lima', text: 'Lima is in Peru.' }]);
  expect(await collect([csv, csv])).toEqual([
    { id: '1/1', text: 'Lima, Peru' },
    { id: '2/1', text: 'Lima, Peru' },
  ]);
});

test('rejects a passage without text, naming its file and row', async () => {
  const file = write('broken.jsonl', '{"text": "fine"}\n{"id": 2, "body": "x"}\n');
  await expect(collect([file])).rejects.toThrow(
    `${file}:2: expected the passage's text in a column text, contents`,
  );
});

test('stops between two passages when aborted', async () => {
  const abort = new AbortController();
  function* endless(): Generator<Passage> {
    for (let i = 0; ; i++) {
      if (i === 10) abort.abort(new Error('stop now'));
      yield { id: String(i), text: 'x' };
    }
  }
  const kb = join(folder, 'aborted');
  await expect(buildIndexFolder(endless(), kb, settings, abort.signal)).rejects.toThrow('stop now');
  expect(existsSync(kb)).toBe(false);
});

test('replaces an index, but leaves a folder with any other file unchanged', async () => {
  const kb = join(folder, 'used');
  await buildIndexFolder(passages, kb, settings);
  await buildIndexFolder(passages.slice(1), kb, settings);
  const notes = join(kb, 'notes.txt');
  writeFileSync(notes, 'mine');
  await expect(buildIndexFolder(passages, kb, settings)).rejects.toThrow(
    'expected a new or empty folder, or one with an index alone, found "notes.txt"',
  );
  expect(readFileSync(notes, 'utf8')).toBe('mine');
  const corpus = join(folder, 'corpus');
  mkdirSync(corpus);
  writeFileSync(join(corpus, 'passages.jsonl'), '{"text": "x"}');
  await expect(buildIndexFolder(passages, corpus, settings)).rejects.toThrow('found "passages.jsonl"');
});
