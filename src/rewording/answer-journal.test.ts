import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';
import { openAnswerJournal } from './answer-journal.ts';

const folder = makeFastFolder('answer-journal');
afterAll(() => rm(folder, { recursive: true }));

test('drops an unfinished last line, and names a damaged one', async () => {
  const path = join(folder, 'answers');
  openAnswerJournal(path, { seed: 1 }).record('a', 'first');
  const whole = await readFile(path, 'utf8');
  await appendFile(path, '{"key":"b","ans');
  expect(openAnswerJournal(path, { seed: 1 }).get('a')).toBe('first');
  expect(await readFile(path, 'utf8')).toBe(whole);
  await appendFile(path, '{"key":"b",{"key"\n');
  expect(() => openAnswerJournal(path, { seed: 1 })).toThrow(
    /answers: expected JSON in line 3, got .*; remove/,
  );
});
