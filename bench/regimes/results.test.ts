import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readResults, recordResult, type Result } from './results.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gradus-results-'));
  file = join(folder, 'new', 'results.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (seed: number, accuracy: number, more: Partial<Result> = {}): Result => ({
  row: 'R1/10',
  arm: 'auto',
  seed,
  config: 'abc',
  live: 0.5,
  steps: 48,
  seconds: 30,
  points: [{ rollouts: 0, tokens: 0, accuracy }],
  ...more,
});
const cells: Result['cells'] = { 'addition/1': Array.from({ length: 6 }, () => [8, 4, 2.5]) };

test('appends new runs in order, in a folder that it creates', () => {
  recordResult(file, run(1, 0.1));
  recordResult(file, run(2, 0.2));
  expect(readResults(file)).toEqual([run(1, 0.1), run(2, 0.2)]);
});

test('replaces a run that is repeated with the same accuracies, in its place', () => {
  recordResult(file, run(1, 0.1));
  recordResult(file, run(2, 0.2));
  recordResult(file, run(1, 0.1, { cells }));
  expect(readResults(file)).toEqual([run(1, 0.1, { cells }), run(2, 0.2)]);
});

test('rejects a repeated run with different accuracies, and leaves the file unchanged', () => {
  recordResult(file, run(1, 0.1));
  const before = readFileSync(file);
  expect(() => recordResult(file, run(1, 0.3, { cells }))).toThrow(
    /^R1\/10 auto 1 abc: expected the accuracies/,
  );
  expect(readFileSync(file)).toEqual(before);
});

test('keeps runs of the same seed with a different recipe', () => {
  recordResult(file, run(1, 0.1));
  recordResult(file, run(1, 0.3, { config: 'def' }));
  expect(readResults(file)).toHaveLength(2);
});
