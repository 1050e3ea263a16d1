import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import type { DataRecord } from '../../core/source-record.ts';
import { createRun } from '../writing/create-run.ts';
import { commitsOf, readDataFile, requireSameData } from './data-file.ts';
import { formatRun } from '../reading/format-runs.ts';
import { openRunReader } from '../reading/run-reader.ts';

const root = makeFastFolder('data');
afterAll(() => rmSync(root, { recursive: true }));

const file = (name: string, sha256: string) => ({ name, sha256: sha256.repeat(64), bytes: 10 });
const data: DataRecord = {
  problems: [{ source: 'a.jsonl', problems: 3, files: [file('a.jsonl', 'a')] }],
  suites: {
    math: [
      {
        source: 'hf://datasets/o/n/test',
        commit: 'c'.repeat(40),
        problems: 2,
        files: [file('x', 'b'), file('y', 'b')],
      },
    ],
  },
};

test('records and shows the files from which a run read its problems', async () => {
  await using run = await createRun(root, { name: 'demo', recipe: {}, seed: 0, data });
  expect(await readDataFile(run.directory)).toEqual(data);
  using reader = await openRunReader(run.directory);
  expect(formatRun(reader, data)).toContain(
    [
      'data                    problems  size  content',
      'a.jsonl                 3         10 B  sha256 aaaaaaaaaaaa',
      'hf://datasets/o/n/test  2         10 B  sha256 bbbbbbbbbbbb  commit cccccccccccc',
      '                                  10 B  sha256 bbbbbbbbbbbb  commit cccccccccccc',
    ].join('\n'),
  );
  writeFileSync(join(run.directory, 'data.json'), '{"prob');
  await expect(readDataFile(run.directory)).rejects.toThrow('expected data.json as written by gradus');
});

const [suite] = data.suites['math']!;
test.each<[field: string, value: unknown]>([
  ['suites.math.0.commit', { ...data, suites: { math: [{ ...suite, commit: '../../../outside' }] } }],
  ['problems.0.commit', { ...data, problems: [{ ...suite, commit: `${'c'.repeat(40)}/..` }] }],
  ['model.commit', { ...data, model: { source: 'hf://o/n', commit: 'main' } }],
  ['model.commit', { ...data, model: { source: 'hf://o/n' } }],
  ['problems.0.files.0.sha256', { ...data, problems: [{ ...suite, files: [file('x', '/')] }] }],
  [
    'problems.0.files.0.bytes',
    { ...data, problems: [{ ...suite, files: [{ ...file('x', 'a'), bytes: -1 }] }] },
  ],
  ['problems', { suites: {} }],
  ['Unrecognized key: "extra"', { ...data, extra: 1 }],
  ['Invalid input: expected object', null],
])('rejects a crafted data.json with an error that names %s', async (field, value) => {
  const directory = join(root, 'crafted');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'data.json'), JSON.stringify(value));
  await expect(readDataFile(directory)).rejects.toMatchObject({
    name: 'RunError',
    code: 'RUN_CORRUPT',
    message: expect.stringContaining(`${join(directory, 'data.json')}: expected data.json`) as string,
  });
  await expect(readDataFile(directory)).rejects.toThrow(`(${field}`);
});

test('reads every field that a run records', async () => {
  const full: DataRecord = {
    ...data,
    model: { source: 'hf://o/n', commit: 'd'.repeat(40) },
    problems: [{ ...data.problems[0]!, skipped: 2 }],
  };
  await using run = await createRun(root, { name: 'full', recipe: {}, seed: 0, data: full });
  expect(await readDataFile(run.directory)).toEqual(full);
});

test('resumes older runs without recorded files', async () => {
  await using run = await createRun(root, { name: 'old', recipe: {}, seed: 0 });
  expect(await readDataFile(run.directory)).toBeUndefined();
  expect(() => requireSameData(run.directory, undefined, data)).not.toThrow();
});

test('reads recorded commits on resume and rejects other content', () => {
  expect(commitsOf(data)).toEqual(new Map([['hf://datasets/o/n/test', 'c'.repeat(40)]]));
  expect(() => requireSameData('run', data, data)).not.toThrow();
  const other = { ...data, problems: [{ ...data.problems[0]!, files: [file('a.jsonl', 'd')] }] };
  expect(() => requireSameData('run', data, other)).toThrow(
    /^a.jsonl: expected the file that run began with, 10 bytes with sha256 aaaaaaaaaaaa, got 10 bytes with sha256 dddddddddddd/,
  );
  expect(() => requireSameData('run', data, { ...data, suites: {} })).toThrow(/^x: .* got none/);
});
