import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Problem } from '../../src/core/problem.ts';
import { loadProblems } from '../../src/problems/load-problems.ts';
import { problemSourceConfig } from '../../src/problems/problem-source.ts';
import { reasoningGym } from '../../src/problems/reasoning-gym-source.ts';
import { openVerifier, verifierConfig } from '../../src/verifiers/config.ts';
import { reasoningGymAnswer } from '../../src/verifiers/reasoning-gym.ts';
import { hasPython, realPython, standInPython } from './pythons.ts';

const { python, remove } = standInPython();
afterAll(remove);

type Settings = Omit<Parameters<typeof reasoningGym>[0], 'task'>;
const load = (task: string, settings: Partial<Settings> = {}): Promise<readonly Problem[]> =>
  loadProblems(
    problemSourceConfig.parse(reasoningGym({ task, count: 6, split: 'train', python, ...settings })),
    '.',
  );
const open = (settings: Parameters<typeof reasoningGymAnswer>[0] = {}) =>
  openVerifier(verifierConfig.parse(reasoningGymAnswer({ python, ...settings })), '.');

describe.skipIf(!hasPython)('reasoning-gym, with a stand-in package (skipped without python3)', () => {
  test('makes distinct, reproducible problems for each knob, in disjoint splits', async () => {
    const settings = { knobs: [1, 3], question: '{expression:compact}=?', instruction: 'Answer in tags.' };
    const problems = await load('sums', settings);
    expect(problems).toEqual(await load('sums', settings));
    expect(problems.map(({ knob }) => knob)).toEqual([1, 3, 1, 3, 1, 3]);
    expect(problems[0]!.prompt[0]!.content).toMatch(/^\d\+\d=\?\nAnswer in tags\.$/);
    expect(problems[0]).toMatchObject({
      family: 'sums',
      source: 'reasoning-gym 0.1.25',
      answer: /^\d+$/.exec(problems[0]!.answer!)![0],
    });
    expect(new Set(problems.map(({ id }) => id)).size).toBe(6);
    const others = await load('sums', { ...settings, split: 'held-out' });
    expect(others.filter(({ id }) => problems.some((one) => one.id === id))).toEqual([]);
  });

  test('judges with the scorer of the dataset', async () => {
    const [problem] = await load('sums');
    await using verifier = open();
    const judge = async (text: string) => (await verifier.verify(problem!, text)).outcome;
    expect(await judge(`so <answer> ${problem!.answer} </answer>`)).toBe('correct');
    expect(await verifier.verify(problem!, '<answer>x</answer>')).toMatchObject({
      outcome: 'incorrect',
      score: 0.01,
    });
    expect(await judge('no tags')).toBe('unparsed');
    const { extra } = problem!;
    const stale = {
      ...problem!,
      extra: { reasoningGym: { ...(extra!['reasoningGym'] as object), digest: 'x' } },
    };
    await expect(verifier.verify(stale, '<answer>1</answer>')).rejects.toThrow(/load the problems again/);
    expect(() => verifier.check({ ...problem!, extra: {} })).toThrow(/expected a problem of reasoningGym/);
    expect(verifier.version).toMatch(/^1-0\.1\.25-/);
  });

  test('an answer that a scorer evaluates as code has no privileges, and cannot change the next score', async () => {
    const [problem] = await load('evaluating');
    const file = join(tmpdir(), `gradus-written-${process.pid}`);
    rmSync(file, { force: true });
    await using verifier = open({ maxCpu: '1s' });
    const judge = (text: string) => verifier.verify(problem!, `<answer>${text}</answer>`);
    await expect(judge(`open('${file}', 'w')`)).rejects.toThrow(/PermissionError/);
    await expect(judge(`open('/etc/passwd').read()`)).rejects.toThrow(/PermissionError/);
    await expect(judge(`__import__('os').system('touch ${file}')`)).resolves.toMatchObject({
      outcome: 'incorrect',
    });
    await expect(judge(`__import__('socket').socket()`)).rejects.toThrow(/Error/);
    expect(existsSync(file)).toBe(false);
    expect(await judge('[0 for _ in iter(int, 1)]')).toMatchObject({ outcome: 'timeout' });
    await judge('__import__("reasoning_gym.factory").factory.Evaluating.__init__.__globals__.clear()').catch(
      String,
    );
    expect(await judge(problem!.answer!)).toMatchObject({ outcome: 'correct' });
  });

  test.each([
    ['raise', /ValueError: a bad day/],
    ['die', /ended without a score/],
    ['nan', /expected a finite score, got nan/],
    ['sleep', /gave no score within|no answer within/],
  ])('a scorer that fails (%s) throws, and the next answer is judged', async (answer, says) => {
    const [problem] = await load('hostile');
    await using verifier = open({ maxTime: answer === 'sleep' ? '1s' : '60s' });
    await expect(verifier.verify(problem!, `<answer>${answer}</answer>`)).rejects.toThrow(says);
    expect(await verifier.verify(problem!, '<answer>0</answer>')).toMatchObject({ score: 0.01 });
  });

  test('a scorer that blocks or crashes without a guard ends its process, but does not affect the next answer', async () => {
    const [problem] = await load('hostile');
    await using verifier = open({ isGuarded: false, maxTime: '1s' });
    await expect(verifier.verify(problem!, '<answer>spin</answer>')).rejects.toThrow(
      /no answer within 1000 ms/,
    );
    await expect(verifier.verify(problem!, '<answer>die</answer>')).rejects.toThrow(/exit code 3/);
    expect(await verifier.verify(problem!, '<answer>0</answer>')).toMatchObject({ score: 0.01 });
  });

  test.each([
    ['nothing', {}, /expected the name of a reasoning-gym dataset, got "nothing"; known: dying, /],
    ['sums', { knobs: [4] }, /expected knobs of "sums" from 1 to 3, got 4/],
    ['hostile', { knobs: [1] }, /has none; leave out "knobs"/],
    ['sums', { settings: { terms: 2 } }, /unexpected keyword argument 'terms'/],
    ['sums', { question: '{text}' }, /got "\{text\}"; known: expression, digits, question/],
    ['sums', { knobs: [1], count: 500 }, /expected 500 distinct train questions of knob 1, found \d+/],
    ['huge', {}, /a reply of at most 8388608 characters, got \d+/],
    ['dying', {}, /its process ended \(exit code 7\): the disk is full/],
    ['sums', { python: '/nowhere/python' }, /could not be started/],
  ])('refuses %s %o', async (task, settings, says) => {
    await expect(load(task, settings)).rejects.toThrow(says);
  });

  test('names the command that installs a missing package', () => {
    expect(() => open({ python: 'python3' })).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        tryNext: expect.stringMatching(/pip install reasoning-gym/),
      }),
    );
  });
});

describe.skipIf(realPython === undefined)(
  'the reasoning-gym package (needs GRADUS_ENVIRONMENTS_PYTHON)',
  () => {
    test.each(['chain_sum', 'countdown', 'mini_sudoku'])(
      '%s: judges the answer of the dataset correct',
      async (task) => {
        const [problem] = await load(task, { python: realPython!, knobs: [1] });
        await using verifier = open({ python: realPython! });
        expect(await verifier.verify(problem!, `<answer>${problem!.answer}</answer>`)).toMatchObject({
          outcome: 'correct',
        });
        expect(await verifier.verify(problem!, '<answer>x</answer>')).toMatchObject({ outcome: 'incorrect' });
      },
    );
  },
);
