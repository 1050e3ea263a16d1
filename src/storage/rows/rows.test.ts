import { stringifyJson } from '../../core/lossless-json.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import type { CompressionCodec } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, expect, test } from 'vitest';
import { DataError } from '../../core/errors.ts';
import { readRows } from './read-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-rows-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function valuesOf(name: string, content: string | Uint8Array): Promise<unknown[]> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const values: unknown[] = [];
  for await (const row of readRows(path, name)) {
    expect(row.number).toBeGreaterThan(0);
    values.push(row.read());
  }
  return values;
}

/** JSON objects that contain any character that could confuse a reader. */
const record = fc.dictionary(fc.string({ unit: 'binary', minLength: 1 }), fc.jsonValue(), { maxKeys: 4 });
const records = fc.array(
  record.map((value) => JSON.parse(JSON.stringify(value)) as object),
  { minLength: 1, maxLength: 6 },
);

test('reads JSON Lines with any text content', async () => {
  await fc.assert(
    fc.asyncProperty(records, fc.constantFrom('\n', '\r\n', '\n\n'), async (rows, end) => {
      const read = await valuesOf('a.jsonl', rows.map((row) => JSON.stringify(row)).join(end));
      expect(stringifyJson(read)).toBe(JSON.stringify(rows));
    }),
    { numRuns: 60 },
  );
  expect(await valuesOf('b.jsonl', '{"a":"x\u2028y\u2029z"}\n')).toEqual([{ a: 'x\u2028y\u2029z' }]);
});

test('reads a JSON list or concatenated objects with any white space', async () => {
  const layout = fc.constantFrom(
    (rows: object[]) => JSON.stringify(rows),
    (rows: object[]) => JSON.stringify(rows, null, 2),
    (rows: object[]) => `\uFEFF${rows.map((row) => JSON.stringify(row, null, 1)).join('\n')}\n`,
    (rows: object[]) => rows.map((row) => JSON.stringify(row)).join(''),
  );
  await fc.assert(
    fc.asyncProperty(records, layout, async (rows, write) => {
      expect(stringifyJson(await valuesOf('a.json', write(rows)))).toBe(JSON.stringify(rows));
    }),
    { numRuns: 100 },
  );
});

test('reads a compressed JSON list larger than a chunk', async () => {
  const rows = Array.from({ length: 4000 }, (_, i) => ({ i, text: `\\"{[${'é\u{1F600}"\\'.repeat(40)}]}` }));
  expect(await valuesOf('a.json.gz', gzipSync(JSON.stringify(rows)))).toEqual(rows);
});

test.each([
  ['cut.json', '[{"a":1},{"a":', 'cut.json:2: expected one whole JSON object'],
  ['open.json', '[{"a":1}', 'open.json:2: expected one whole JSON object'],
  ['nan.json', '[{"a":NaN}]', "Python's NaN and Infinity are not JSON"],
  ['a.txt', 'x', 'a.txt: expected a file ending in .jsonl, .json, .csv, .tsv'],
  ['bad.csv', 'a,b\n1,2,3\n', 'bad.csv:1: expected 2 fields as in the header, got 3'],
  ['twice.csv', 'a,a\n1,2\n', 'twice.csv: expected a first record of distinct column names'],
  ['open.csv', 'a,b\n"1,2\n', 'open.csv: expected a closing quote in the last record'],
  ['no.parquet', 'PAR1 this is no parquet PAR1', 'no.parquet: expected a readable Parquet file'],
  ['latin.jsonl', Uint8Array.of(0x7b, 0x22, 0xe9, 0x22, 0x7d), 'latin.jsonl: expected UTF-8 text, got other'],
  ['wide.jsonl', Uint8Array.of(0xff, 0xfe, 0x7b, 0), 'wide.jsonl: expected UTF-8 text, got UTF-16'],
  ['packed.jsonl', gzipSync('{"a":1}'), 'packed.jsonl: expected UTF-8 text, got gzip; rename it to .gz'],
  ['binary.jsonl', Uint8Array.of(0xff, 0, 1), 'binary.jsonl: expected UTF-8 text, got binary data'],
  ['cut.jsonl.gz', gzipSync('{"a":1}\n').subarray(0, 12), 'cut.jsonl.gz: expected a complete gzip file'],
] as const)('reports %s as one error', async (name, content, message) => {
  await expect(valuesOf(name, content)).rejects.toThrow(message);
  await expect(valuesOf(name, content)).rejects.toBeInstanceOf(DataError);
});

test('reads a scalar as a row', async () => {
  expect(await valuesOf('a.json', '[1, "b", {"c":[2]}, null]')).toEqual([1, 'b', { c: [2] }, null]);
});

test('reads CSV as RFC 4180 defines it', async () => {
  const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', 'é'), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(field, field), { minLength: 1 }), fc.boolean(), async (rows, crlf) => {
      const end = crlf ? '\r\n' : '\n';
      const lines = rows.map(([a, b]) => `${quoted(a)},${/[",\r\n]/.test(b) ? quoted(b) : b}`);
      const expected = rows.map(([a, b]) => ({ ...(a === '' ? {} : { a }), ...(b === '' ? {} : { b }) }));
      expect(await valuesOf('a.csv', ['a,b', ...lines].join(end))).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});

test('reads CSV records longer than a chunk', async () => {
  const rows = Array.from({ length: 50 }, (_, i) => ({
    n: `${i}`,
    text: `a "quoted",\n${'x'.repeat(20_000)}`,
  }));
  const lines = rows.map(({ n, text }) => `${n}\t"${text.replaceAll('"', '""')}"`);
  expect(await valuesOf('a.tsv', `n\ttext\n${lines.join('\n')}\n`)).toEqual(rows);
});

/** Returns a raw LZ4 block that contains only literals. */
function lz4Literals(input: Uint8Array): Uint8Array {
  const lengths: number[] = [];
  for (let rest = input.length - 15; rest >= 0; rest -= 255) lengths.push(Math.min(rest, 255));
  return Uint8Array.of(Math.min(input.length, 15) << 4, ...lengths, ...input);
}

test.each<[CompressionCodec, ((input: Uint8Array) => Uint8Array) | undefined]>([
  ['UNCOMPRESSED', undefined],
  ['SNAPPY', undefined],
  ['GZIP', gzipSync],
  ['BROTLI', brotliCompressSync],
  ['ZSTD', zstdCompressSync],
  ['LZ4_RAW', lz4Literals],
])('reads Parquet compressed with %s', async (codec, compress) => {
  const content = parquetWriteBuffer({
    columnData: [
      { name: 'text', data: ['a', null, 'c'.repeat(300)], type: 'STRING' },
      { name: 'count', data: [1n, 2n, 2n ** 60n], type: 'INT64' },
      { name: 'when', data: [new Date(0), new Date(1), new Date(2)], type: 'TIMESTAMP' },
      { name: 'nested', data: [{ a: [1] }, { a: [] }, null], type: 'JSON' },
    ],
    codec,
    rowGroupSize: 2,
    ...(compress === undefined ? {} : { compressors: { [codec]: compress } }),
  });
  expect(await valuesOf('a.parquet', new Uint8Array(content))).toEqual([
    { text: 'a', count: 1, when: '1970-01-01T00:00:00.000Z', nested: { a: [1] } },
    { text: null, count: 2, when: '1970-01-01T00:00:00.001Z', nested: { a: [] } },
    { text: 'c'.repeat(300), count: 2n ** 60n, when: '1970-01-01T00:00:00.002Z', nested: null },
  ]);
});
