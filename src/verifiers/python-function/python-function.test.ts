import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Problem } from '../../core/problem.ts';
import { mathProblem } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../config.ts';
import { composite } from '../composite.ts';
import { type Verifier, verifierLabel } from '../verifier.ts';
import { pythonVerifier } from './python-function.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'gradus-python-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (file: string, text: string): string => {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
  return file;
};
const open = (file: string, more: object = {}): Verifier =>
  openVerifier(verifierConfig.parse(pythonVerifier({ file, ...more })), folder);
const problem = mathProblem({ id: 'p', answer: 'abc', source: 'set', extra: { extra_info: { index: 7 } } });

/** A reward function that executes the completion as Python. */
const acts = `import sys
class Number:
    def __init__(self, value): self.value = value
    def tolist(self): return self.value
def deep(n): return deep(n + 1)
def compute_score(solution_str):
    return eval(solution_str)
`;

describe.skipIf(!hasPython)('a Python reward function (skipped without python3)', () => {
  let telling: Verifier;
  beforeAll(() => {
    telling = open(write('acts.py', acts), { workers: 1 });
  });
  afterAll(() => telling[Symbol.asyncDispose]());

  test("calls verl's functions with verl's arguments and keeps a returned dict as evidence", async () => {
    const file = write(
      'verl.py',
      `import helper.same as tools
def compute_score(data_source, solution_str, ground_truth, extra_info=None, bonus=0):
    right = tools.same(solution_str, ground_truth)
    told = [data_source, extra_info["index"], extra_info["id"], extra_info["prompt"][0]["content"]]
    return {"score": 1 if right else bonus, "acc": right, "pred": solution_str, "told": told}
`,
    );
    write('helper/same.py', 'def same(a, b): return a == b\n');
    await using verifier = open(file, { options: { bonus: 0.25 } });
    expect(verifier.name).toBe('verl');
    const label = verifierLabel(verifier);
    const told = ['set', 7, 'p', '2+2=?'];
    expect(await verifier.verify(problem, 'abc')).toEqual({
      outcome: 'correct',
      score: 1,
      reason: 'compute_score returned 1',
      evidence: { extracted: 'abc', acc: true, pred: 'abc', told },
      verifier: label,
    });
    expect(await verifier.verify(problem, 'x')).toMatchObject({ outcome: 'incorrect', score: 0.25 });
    expect(await verifier.environment!()).toMatchObject({
      convention: 'verl',
      python: expect.stringMatching(/^3\./),
      files: expect.arrayContaining(['verl.py', 'helper/same.py']),
    });
    const { answer: _, ...without } = problem;
    expect(() => verifier.check(without)).toThrow(
      /problem p \(set\): .*expected a value for the reward function's parameter "ground_truth"/,
    );
  });

  test('passes messages and columns to TRL functions and lists to verl batch functions, and awaits async functions', async () => {
    const trl = write(
      'trl.py',
      `async def accuracy(prompts, completions, solution, level=None, **kwargs):
    assert kwargs["index"] == [3] and "extra_info" not in kwargs, kwargs
    assert prompts[0][0]["role"] == "user" and level == ["hard"]
    return [float(c[0]["content"] == s) for c, s in zip(completions, solution)]
`,
    );
    const row: Problem = { ...problem, extra: { index: 3, level: 'hard' } };
    await using verifier = open(trl, { function: 'accuracy' });
    expect(await verifier.verify(row, '\\boxed{abc}')).toMatchObject({ outcome: 'correct', score: 1 });
    expect(await verifier.verify(row, 'abc')).toMatchObject({ outcome: 'incorrect', score: 0 });
    const batch = write(
      'batch.py',
      `def compute_score(data_sources, solution_strs, ground_truths, extra_infos):
    return [{"score": 0.5, "index": info["index"]} for info in extra_infos]
`,
    );
    await using batched = open(batch, { correctFrom: 0.5 });
    expect(await batched.verify(row, '')).toMatchObject({
      outcome: 'correct',
      score: 0.5,
      evidence: { index: 3 },
    });
  });

  test('uses the convention in the recipe if the parameters do not identify one', async () => {
    const file = write('any.py', 'def compute_score(**given): return {"score": 1, "given": sorted(given)}\n');
    expect(() => open(file)).toThrow(/expected a parameter .* got compute_score\(\*\*…\)/);
    await using verifier = open(file, { convention: 'verl', options: { a: 1 } });
    const given = ['a', 'data_source', 'extra_info', 'ground_truth', 'solution_str'];
    expect(await verifier.verify(problem, '')).toMatchObject({ evidence: { given } });
  });

  test('loads a file with the name of a Python module', async () => {
    const judge = 'def compute_score(solution_str):\n    import random, math\n    return math.cos(0)\n';
    await using verifier = open(write('scorers/math.py', judge));
    expect((await verifier.verify(problem, '')).score).toBe(1);
  });

  test('passes the tests of programs in verl’s data format', async () => {
    const file = write(
      'tests.py',
      'def compute_score(solution_str, ground_truth): return {"score": 1, "truth": ground_truth}\n',
    );
    await using verifier = open(file);
    const { answer: _, ...rest } = problem;
    const tests = { type: 'stdio', language: 'python', cases: [{ input: '1', output: '2' }] } as const;
    const { evidence } = await verifier.verify({ ...rest, tests }, '');
    expect(JSON.parse(evidence!['truth'] as string)).toEqual({ inputs: ['1'], outputs: ['2'] });
  });

  test('scales scores from a different range; the error for a score outside the range names the fix', async () => {
    const file = write(
      'range.py',
      'def compute_score(solution_str, ground_truth): return float(solution_str)\n',
    );
    await using verifier = open(file, { scores: [-1, 1], function: 'compute_score' });
    const found = await Promise.all(['-1', '0', '1'].map((text) => verifier.verify(problem, text)));
    expect(found.map(({ outcome, score }) => [outcome, score])).toEqual([
      ['incorrect', 0],
      ['incorrect', 0.5],
      ['correct', 1],
    ]);
    await expect(verifier.verify(problem, '1.5')).rejects.toThrow(
      'expected compute_score to return a score in [-1, 1], got 1.5; set the worst and best score, e.g. scores: [-1, 1.5]',
    );
  });

  test.each([
    ['None', { outcome: 'ungradable', score: 0, reason: 'compute_score returned no score (None or NaN)' }],
    ['float("nan")', { outcome: 'ungradable' }],
    ['[Number(1)]', { outcome: 'correct', score: 1 }],
    ['True', { outcome: 'correct', score: 1 }],
    ['Number([0.5])', { outcome: 'incorrect', score: 0.5 }],
    ['{"score": 1, "acc": False}', { outcome: 'incorrect', score: 1 }],
    ['{"score": 0, "acc": Number(1.0)}', { outcome: 'correct', score: 0 }],
    [
      '{"score": Number(0), "n": Number([1]), "inf": float("inf"), 3: {1, 2}, "big": 10**40, "s": "\\ud800"}',
      { evidence: { n: [1], inf: 'inf', 3: '{1, 2}', big: '1' + '0'.repeat(40), s: '\ud800' } },
    ],
  ])('accepts %s', async (result, verdict) => {
    expect(await telling.verify(problem, result)).toMatchObject(verdict);
  });

  test.each([
    ['[1, 2]', 'expected one score for one completion, got a list of 2'],
    ['"1.0"', 'expected a number as score, got str 1.0'],
    ['{"acc": 1}', 'expected a "score" in the dict, got acc'],
    ['float("inf")', 'expected a finite score'],
    ['10**400', 'OverflowError'],
    ['deep(0)', /acts\.py:5 in deep: RecursionError/],
    ['sys.exit(3)', /acts\.py:7 in compute_score: SystemExit: 3/],
    ['1 +', /acts\.py:7 in compute_score: SyntaxError/],
  ])('rejects %s, and judges the next completion', async (result, says) => {
    await expect(telling.verify(problem, result)).rejects.toThrow(says);
    expect((await telling.verify(problem, '1')).outcome).toBe('correct');
  });

  test('limits the size of evidence for a dict of any size', async () => {
    const result = '{"score": 1, "text": "x" * 10**7, **{str(i): [i] * 3000 for i in range(200)}}';
    const { evidence } = await telling.verify(problem, result);
    expect(Object.keys(evidence!)).toHaveLength(50);
    expect(JSON.stringify(evidence).length).toBeLessThan(120_000);
  });

  test('judges more completions than there are processes, each with its own verdict', async () => {
    const file = write(
      'slow.py',
      'import os, time\ndef compute_score(solution_str):\n    time.sleep(float(solution_str) / 5)\n    return {"score": float(solution_str), "pid": os.getpid()}\n',
    );
    await using verifier = open(file, { workers: 3 });
    const scores = Array.from({ length: 24 }, (_, i) => ((i * 7) % 24) / 24);
    const found = await Promise.all(scores.map((score) => verifier.verify(problem, String(score))));
    expect(found.map(({ score }) => score)).toEqual(scores);
    expect(new Set(found.map(({ evidence }) => evidence!['pid'])).size).toBe(3);
  });

  test('changes the version with the file, an import at any depth, or a setting that affects verdicts', () => {
    const judge =
      'from pack import middle\ndef compute_score(solution_str, **_): return 1\ntwin = compute_score\n';
    const texts = {
      'v.py': judge,
      'pack/middle.py': 'from .deep import leaf\n',
      'pack/deep/__init__.py': '',
      'pack/deep/leaf.py': '',
    };
    const versionWith = (edited: Partial<typeof texts>, more: object = {}): string => {
      for (const [file, text] of Object.entries({ ...texts, ...edited })) write(file, text);
      return open('v.py', more).version;
    };
    const edits = Object.entries(texts).map(([file, text]) => versionWith({ [file]: `${text}# edited` }));
    const settings = [{ options: { a: 1 } }, { scores: [0, 2] }, { correctFrom: 0.5 }, { function: 'twin' }];
    const set = settings.map((more) => versionWith({}, more));
    const plain = versionWith({});
    expect(new Set([plain, ...edits, ...set]).size).toBe(9);
    write('beside.py', '# nobody imports this');
    expect(versionWith({}, { workers: 5, maxTime: '1s' })).toBe(plain);
  });

  test('the function in the guide returns the results that the guide reports', async () => {
    const guide = readFileSync('docs/verifiers.md', 'utf8');
    const [, reward] = /```python\n(# reward\.py\n[^]*?)```/.exec(guide)!;
    await using verifier = open(write('reward.py', reward!), { scores: [-1, 1] });
    const row = { ...problem, answer: '1200' };
    expect(await verifier.verify(row, '3 * 400\n#### 1,200')).toMatchObject({ outcome: 'correct', score: 1 });
    expect(await verifier.verify(row, '#### 12')).toMatchObject({
      outcome: 'incorrect',
      score: 0,
      evidence: { extracted: '12' },
    });
    expect(await verifier.verify(row, 'none')).toMatchObject({
      outcome: 'incorrect',
      evidence: { pred: null },
    });
  });

  test.skipIf(!existsSync('worker/.venv/bin/python'))(
    "accepts numpy numbers (skipped without the worker's environment)",
    async () => {
      const file = write(
        'numbers.py',
        `import numpy as np
def compute_score(solution_str):
    return {"score": np.float32(0.5), "acc": np.bool_(True), "counts": np.arange(3), "n": np.int64(3)}
`,
      );
      await using verifier = open(file, { python: resolve('worker/.venv/bin/python') });
      expect(await verifier.verify(problem, '')).toMatchObject({
        outcome: 'correct',
        score: 0.5,
        evidence: { acc: true, counts: [0, 1, 2], n: 3 },
      });
    },
  );

  test('judges as a part of a composite', async () => {
    const file = write('half.py', 'def compute_score(solution_str): return 0.5\n');
    const parts = [
      { verifier: pythonVerifier({ file }) },
      { verifier: { type: 'math' as const }, decides: false },
    ];
    await using verifier = openVerifier(verifierConfig.parse(composite(parts)), folder);
    expect(await verifier.verify(mathProblem(), '4')).toMatchObject({ outcome: 'incorrect', score: 0.75 });
  });

  test.each([
    [
      'missing.py',
      undefined,
      {},
      'missing.py: expected a Python file, found no such file; paths are relative to the recipe',
    ],
    ['syntax.py', '\ndef f(:\n', {}, /syntax\.py:2: cannot load this verifier file: SyntaxError/],
    ['imports.py', '\nimport nothing_of_that_name\n', {}, /imports\.py:2 in <module>: .*ModuleNotFoundError/],
    ['raises.py', 'def f(): 1 / 0\nf()\n', {}, /raises\.py:1 in f: .*ZeroDivisionError/],
    ['exits.py', 'import sys; sys.exit()\n', {}, /exits\.py:1 in <module>: .*SystemExit/],
    [
      'dies.py',
      'import os; os._exit(1)\n',
      {},
      /dies\.py: expected python3 \(3\.9 or newer\) to load it, but the process ended/,
    ],
    [
      'hangs.py',
      'while True: pass\n',
      { maxLoadTime: '1s' },
      /expected it to load within 1000 ms .*it was still at hangs\.py:1 in <module>/,
    ],
    ['other.py', 'def reward(completions): pass\n', {}, /expected a function "compute_score", found reward/],
    [
      'strange.py',
      'def compute_score(a, *b, c=1): pass\n',
      {},
      /expected a parameter "solution_str" \(verl\).*got compute_score\(a, c\)/,
    ],
    [
      'option.py',
      'def compute_score(solution_str): pass\n',
      { options: { b: 1 } },
      /expected "options" that .* got "b"/,
    ],
    [
      'python.py',
      '',
      { python: './nowhere/python' },
      /expected a Python interpreter at ".*nowhere\/python", found no such file/,
    ],
    [
      'no-python.py',
      '',
      { python: '/bin/true' },
      /no-python\.py: expected \/bin\/true .* the process ended: no output/,
    ],
  ])('rejects %s when the verifier is opened', (file, text, more, says) => {
    if (text !== undefined) write(file, text);
    expect(() => open(file, more)).toThrow(
      expect.objectContaining({ name: 'ConfigError', message: expect.stringMatching(says) }),
    );
  });
});
