import { rmSync, writeFileSync } from 'node:fs';
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

test('records the files of a run and shows them', async () => {
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
