import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../verifiers/math/verifier.ts';
import { openAnswerJournal } from './answer-journal.ts';
import { rewordProblems, type RewordSettings } from './reword.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-reword-'));
const verifier = openMathAnswer(mathConfig.parse(mathAnswer()));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await verifier[Symbol.asyncDispose]();
});

const problems = Array.from({ length: 40 }, (_, i) =>
  mathProblem({
    id: `p${i}`,
    prompt: [{ role: 'user', content: `What is ${i + 20} plus ${i}?` }],
    answer: `${2 * i + 20}`,
  }),
);
const settings: RewordSettings = {
  wordings: 2,
  attempts: 4,
  solve: 2,
  maxTokens: 200,
  temperature: 1,
  seed: 0,
};

/**
 * An engine that rewords a sum correctly at even indices and as a difference at odd indices, and solves a question as
 * written.
 */
const careless = (seen: string[] = []) =>
  scriptedEngine({
    complete: (key, index, _version, _turn, { given }) => {
      seen.push(`${key} ${index}`);
      const text = given.messages.at(-1)!.content;
      const [a, b] = text.match(/\d+/g)!.map(Number) as [number, number];
      if (text.startsWith('Put the question')) {
        const verb = index % 2 === 0 ? 'Add' : 'Subtract';
        return `${verb} ${a} and ${b}, version ${'abcd'[index]}.`;
      }
      return `\\boxed{${text.startsWith('Add') ? a + b : a - b}}`;
    },
  });
const parts = (path: string, engine = careless()) => ({
  engine,
  verifierFor: () => verifier,
  journal: openAnswerJournal(join(folder, path), settings),
});

test('keeps no wording with a different answer from a model that is wrong half of the time', async () => {
  const reworded = await rewordProblems(parts('half'), problems.slice(1), settings);
  for (const { problem, added, rejected } of reworded) {
    expect(problem.wordings!.map(([message]) => message!.content)).toEqual([
      expect.stringMatching(/^Add .*a\.$/),
      expect.stringMatching(/^Add .*c\.$/),
    ]);
    expect({ added, unsolved: rejected.unsolved }).toEqual({ added: 2, unsolved: 2 });
  }
});

test('after an interruption, requests only the missing answers and returns the same wordings', async () => {
  const whole: string[] = [];
  const expected = await rewordProblems(parts('whole', careless(whole)), problems, settings);
  const asked: string[] = [];
  for (const stopAfter of [7, 150, 100]) {
    const stop = new AbortController();
    const counted = careless(asked);
    const before = asked.length;
    const { push } = asked;
    asked.push = (...items) => {
      if (asked.length - before >= stopAfter) stop.abort(new Error('stopped'));
      return push.apply(asked, items);
    };
    await expect(rewordProblems(parts('stopped', counted), problems, settings, stop.signal)).rejects.toThrow(
      'stopped',
    );
    asked.push = push;
  }
  expect(await rewordProblems(parts('stopped', careless(asked)), problems, settings)).toEqual(expected);
  const recorded = readFileSync(join(folder, 'stopped'), 'utf8').trim().split('\n').slice(1);
  const keys = recorded.map((line) => (JSON.parse(line) as { key: string }).key);
  expect(new Set(keys).size).toBe(keys.length);
  const again: string[] = [];
  await rewordProblems(parts('stopped', careless(again)), problems, settings);
  expect(again).toEqual([]);
});

test('with solve 0, checks only the text', async () => {
  const [first] = await rewordProblems(parts('trusting'), problems.slice(1, 2), { ...settings, solve: 0 });
  expect(first!.problem.wordings).toHaveLength(2);
  expect(first!.problem.wordings![1]![0]!.content).toMatch(/^Subtract/);
});

test('opening a journal drops an incomplete last line, and throws if the settings differ', () => {
  const path = join(folder, 'torn');
  openAnswerJournal(path, { seed: 1 }).record('a', '1');
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"key":"b","ans`);
  const journal = openAnswerJournal(path, { seed: 1 });
  expect([journal.get('a'), journal.get('b')]).toEqual(['1', undefined]);
  journal.record('b', '2');
  expect(openAnswerJournal(path, { seed: 1 }).get('b')).toBe('2');
  expect(() => openAnswerJournal(path, { seed: 2 })).toThrow('same input, model and settings');
  appendFileSync(path, '{"key":"c",{"key"\n');
  expect(() => openAnswerJournal(path, { seed: 1 })).toThrow(/expected JSON in line 4, got .*; remove/);
});
