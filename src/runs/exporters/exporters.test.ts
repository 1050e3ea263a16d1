import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { smallPlan, trainScripted } from '../../../test/runs/scripted-training.ts';
import { createRun } from '../writing/create-run.ts';
import { openRunReader } from '../reading/run-reader.ts';
import { exportRun } from './export-run.ts';
import { type Field, readFields } from '../../../test/runs/protobuf-reader.ts';
import type { ExportedRun, ExportedStep, RunSink } from './sink.ts';
import { tensorboardSink } from './tensorboard.ts';
import { trackioSink } from './trackio.ts';
import { wandbAccess, wandbLiveSink } from './wandb-live.ts';
import { wandbOfflineSink } from './wandb-offline.ts';

const root = makeFastFolder('exporters');
let directory = '';
beforeAll(async () => {
  await using run = await createRun(root, { name: 'scripted', recipe: { lr: 0.5 }, seed: 3 });
  directory = run.directory;
  await trainScripted(run, smallPlan);
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

const about: ExportedRun = {
  id: 'run-1',
  name: 'demo-0001',
  project: 'demo',
  recipe: { lr: 0.5 },
  startedAt: new Date(1_700_000_000_000),
};
const stepsOf = (values: readonly Record<string, number>[]): ExportedStep[] =>
  values.map((one, step) => ({ step, at: new Date(1_700_000_000_000 + 1000 * step), values: one }));
const someValues = fc.array(
  fc.dictionary(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    { maxKeys: 20 },
  ),
  { maxLength: 20 },
);

async function writeAll(sink: RunSink, steps: readonly ExportedStep[]): Promise<void> {
  for (const step of steps) await sink.write(step);
  await sink.close('finished');
}
let folders = 0;
const freshFolder = (): string => join(root, `out-${folders++}`);

test('TensorBoard files contain every value with its name and step', async () => {
  await fc.assert(
    fc.asyncProperty(someValues, async (values) => {
      const folder = freshFolder();
      await writeAll(await tensorboardSink(folder, about), stepsOf(values));
      const inside = join(folder, about.name);
      const [version, ...events] = readTfRecords(readFileSync(join(inside, readdirSync(inside)[0]!))).map(
        readFields,
      );
      expect(textOf(version!, 3)).toBe('brain.Event:2');
      const found = events.map((event) => {
        const scalars = readFields(bytesOf(event, 5)).map(([, scalar]) => readFields(scalar as Uint8Array));
        return Object.fromEntries(scalars.map((one) => [textOf(one, 1), numberOf(one, 2)]));
      });
      expect(found).toEqual(values.map((one) => mapValues(one, Math.fround)));
      expect(events.map((event) => numberOf(event, 2))).toEqual(values.map((_, step) => step));
    }),
    { numRuns: 30 },
  );
});

test('W&B offline files can be read back, including records that span several blocks', async () => {
  const large = fc.record({ lr: fc.string({ minLength: 0, maxLength: 70_000 }) });
  await fc.assert(
    fc.asyncProperty(someValues, large, async (values, recipe) => {
      const folder = freshFolder();
      await writeAll(await wandbOfflineSink(folder, { ...about, recipe }), stepsOf(values));
      const [inside] = readdirSync(folder);
      expect(inside).toBe('offline-run-20231114_221320-run-1');
      const records = readLog(readFileSync(join(folder, inside!, 'run-run-1.wandb'))).map(readFields);
      expect(records.map((one) => numberOf(one, 1))).toEqual(records.map((_, i) => i + 1));
      const run = readFields(bytesOf(records[1]!, 17));
      expect(entriesOf(bytesOf(run, 4), 1)).toEqual(recipe);
      const history = records.slice(2, -2).map((one) => entriesOf(bytesOf(one, 2), 1));
      expect(history).toEqual(
        values.map((one, step) => ({
          ...one,
          _step: step,
          _timestamp: 1_700_000_000 + step,
          _runtime: step,
        })),
      );
      expect(readFields(bytesOf(records.at(-1)!, 18))[0]).toEqual([1, 0]);
    }),
    { numRuns: 30 },
  );
});

test('a trackio database contains a run only once, alongside the other runs of its project', async () => {
  const folder = freshFolder();
  const steps = stepsOf([{ a: 1 }, { a: 2 }]);
  for (const run of [about, { ...about, id: 'run-2', name: 'demo-0002' }, about])
    await writeAll(await trackioSink(folder, { ...run, project: 'my.demo' }), steps);
  using database = new DatabaseSync(join(folder, 'mydemo.db'));
  const rows = database.prepare('SELECT run_name, step, metrics FROM metrics ORDER BY run_name, step').all();
  expect(rows.map((row) => Object.values(row))).toEqual([
    ['demo-0001', 0, '{"a":1}'],
    ['demo-0001', 1, '{"a":2}'],
    ['demo-0002', 0, '{"a":1}'],
    ['demo-0002', 1, '{"a":2}'],
  ]);
});

/** Starts a W&B server that stores history and injects failures. */
async function fakeWandb(faults: ('429' | '500' | 'drop')[] = []) {
  const history: string[] = [];
  const ends: unknown[] = [];
  const keys = new Set<string | undefined>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const fault = faults.shift();
      keys.add(request.headers.authorization);
      if (fault === 'drop') return void response.destroy();
      if (fault !== undefined) return void response.writeHead(Number(fault)).end('not now');
      const sent = JSON.parse(body) as {
        files?: Record<string, { offset: number; content: string[] }>;
        complete?: boolean;
        variables?: { name: string };
      };
      if (request.url === '/graphql') {
        const project = { name: 'demo', entity: { name: 'me' } };
        const bucket = { name: sent.variables!.name, historyLineCount: history.length, project };
        return void response.end(JSON.stringify({ data: { upsertBucket: { bucket } } }));
      }
      expect(request.url).toBe('/files/me/demo/run-1/file_stream');
      const { offset, content } = sent.files!['wandb-history.jsonl'] ?? {
        offset: history.length,
        content: [],
      };
      history.splice(offset, content.length, ...content);
      if (sent.complete === true) ends.push(sent);
      response.end('{}');
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    access: { baseUrl, apiKey: 'secret', retryMs: 1 },
    history,
    ends,
    keys,
    [Symbol.dispose]: () => void server.close(),
  };
}

test('W&B receives every history line exactly once, despite failures and repeated or continued exports', async () => {
  using server = await fakeWandb(['500', '429', 'drop']);
  const steps = stepsOf(Array.from({ length: 450 }, (_, i) => ({ reward: i })));
  const first = await wandbLiveSink(server.access, about);
  for (const step of steps.slice(0, 120)) await first.write(step);
  await first.close(null);
  expect(server.history).toHaveLength(120);
  expect(server.ends).toHaveLength(0);
  await writeAll(await wandbLiveSink(server.access, about), steps);
  await writeAll(await wandbLiveSink(server.access, about), steps);
  expect(server.history.map((line) => (JSON.parse(line) as { reward: number }).reward)).toEqual(
    steps.map(({ step }) => step),
  );
  expect(server.ends).toMatchObject([{ exitcode: 0 }, { exitcode: 0 }]);
  expect([...server.keys]).toEqual([`Basic ${Buffer.from('api:secret').toString('base64')}`]);
});

test('a W&B rejection is reported as one error without the key, and a missing key as a ConfigError', async () => {
  using server = await fakeWandb(['500', '500', '500', '500', '500', '500']);
  await expect(wandbLiveSink(server.access, about)).rejects.toThrow(
    /expected W&B to accept the run, got HTTP 500, 6 times/,
  );
  expect(() => wandbAccess({})).toThrow('WANDB_API_KEY');
  expect(wandbAccess({ WANDB_API_KEY: 'k', WANDB_BASE_URL: 'http://own/' })).toEqual({
    baseUrl: 'http://own',
    apiKey: 'k',
  });
});

/** Creates a sink that keeps the exported steps in memory. */
function memory() {
  const steps: ExportedStep[] = [];
  const ends: unknown[] = [];
  const open = async (): Promise<RunSink> => ({
    write: async (step) => void steps.push(step),
    close: async (end) => void ends.push(end),
  });
  return { steps, ends, open };
}

test('exports the recorded values of a run', async () => {
  const { steps, ends, open } = memory();
  expect(await exportRun(directory, open, { names: 'gradus' })).toEqual({ steps: 4 });
  using run = await openRunReader(directory);
  expect(steps.map(({ values }) => values)).toEqual([1, 2, 3, 4].map((step) => run.metricsAt(step)));
  expect(ends).toEqual(['finished']);
});

test('metrics are exported under the names of TRL or verl', async () => {
  const { steps, open } = memory();
  await exportRun(directory, open, { names: 'verl' });
  expect(Object.keys(steps[0]!.values)).toContain('critic/score/mean');
  expect(Object.keys(steps[0]!.values)).toContain('loss/policy');
});

test('with follow, exports every step of a run that is still being written', async () => {
  const { steps, ends, open } = memory();
  await using run = await createRun(root, { name: 'live', recipe: {}, seed: 4 });
  const follow = exportRun(run.directory, open, { names: 'gradus', follow: true, everyMs: 5 });
  await trainScripted(run, smallPlan, () => new Promise((resolve) => setTimeout(resolve, 15)));
  await follow;
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  expect(ends).toEqual(['finished']);
});

const mapValues = <T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
const fieldOf = (fields: readonly Field[], number: number) => fields.find(([field]) => field === number)?.[1];
const bytesOf = (fields: readonly Field[], number: number) =>
  (fieldOf(fields, number) ?? new Uint8Array()) as Uint8Array;
const textOf = (fields: readonly Field[], number: number) => Buffer.from(bytesOf(fields, number)).toString();
const numberOf = (fields: readonly Field[], number: number) => fieldOf(fields, number) as number;

/** Parses `{key = 1, value_json = 16}` messages of one field. */
function entriesOf(data: Uint8Array, field: number): Record<string, unknown> {
  const items = readFields(data).flatMap(([number, item]) =>
    number === field ? [readFields(item as Uint8Array)] : [],
  );
  return Object.fromEntries(items.map((item) => [textOf(item, 1), JSON.parse(textOf(item, 16)) as unknown]));
}

function readTfRecords(file: Buffer): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(masked(crc32c(file.subarray(at, at + 8))));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(masked(crc32c(data)));
    records.push(data);
    at += length + 16;
  }
  return records;
}

/** Computes CRC-32C bit by bit from its polynomial. */
function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
const masked = (crc: number): number => ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0;

test('TFRecord checksums are CRC-32C', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

function readLog(file: Buffer): Uint8Array[] {
  expect(file.subarray(0, 7)).toEqual(Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0]));
  const records: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  for (let at = 7; at < file.length;) {
    const room = 32_768 - (at % 32_768);
    if (room < 7) {
      at += room;
      continue;
    }
    const [length, kind] = [file.readUInt16LE(at + 4), file.readUInt8(at + 6)];
    const data = file.subarray(at + 7, at + 7 + length);
    expect(file.readUInt32LE(at)).toBe(crc32(Buffer.concat([Buffer.of(kind), data])));
    expect(kind).toBe(parts.length === 0 ? (kind === 1 ? 1 : 2) : kind === 4 ? 4 : 3);
    parts.push(data);
    if (kind === 1 || kind === 4) {
      records.push(Buffer.concat(parts));
      parts = [];
    }
    at += 7 + length;
  }
  return records;
}
