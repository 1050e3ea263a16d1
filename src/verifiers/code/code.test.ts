import { afterAll, describe, expect, test } from 'vitest';
import type { Problem, ProblemTests } from '../../core/problem.ts';
import { pythonSandbox } from '../../sandbox/python/python-sandbox.ts';
import { code, codeConfig, openCode } from './code.ts';

const verifier = openCode(code({ sandbox: pythonSandbox({ lanes: 1 }), score: 'fraction' }));
const trouble = await verifier.environment().then(
  () => null,
  (error: Error) => error.message,
);
afterAll(() => verifier[Symbol.asyncDispose]());

const problemOf = (tests: ProblemTests | undefined): Problem => ({
  id: 'p',
  domain: 'code',
  prompt: [],
  source: 'test',
  ...(tests === undefined ? {} : { tests }),
});
const judge = (tests: ProblemTests, program: string) => verifier.verify(problemOf(tests), program);

describe.skipIf(trouble !== null)(`verdicts${trouble === null ? '' : ` (skipped: ${trouble})`}`, () => {
  test('report the number of tests passed and the first failure', async () => {
    const tests: ProblemTests = {
      type: 'stdio',
      language: 'python',
      cases: [
        { input: '1', output: '1' },
        { input: '2', output: '4' },
        { input: '3', output: '9' },
      ],
    };
    expect(await judge(tests, 'print(int(input()) ** 2)')).toMatchObject({ outcome: 'correct', score: 1 });
    expect(await judge(tests, 'print(1)')).toMatchObject({
      outcome: 'incorrect',
      score: 1 / 3,
      reason: 'test 2 of 3: expected "4", got "1\\n"',
      evidence: {
        passed: 1,
        total: 3,
        failures: [{ test: 1, input: '2', expected: '4', got: '1\n' }, { test: 2 }],
      },
    });
    expect(await judge({ ...tests, maxCpuMs: 100 }, 'while True: pass')).toMatchObject({
      outcome: 'timeout',
      score: 0,
    });
    expect(await judge(tests, '</think>')).toMatchObject({ outcome: 'unparsed' });
  });

  test('accept lists for tuples, any of several expected values, and numbers within the tolerance', async () => {
    const tests: ProblemTests = {
      type: 'function',
      language: 'python',
      entryPoint: 'f',
      cases: [
        { arguments: [[1, 2]], expected: [1, 2] },
        { arguments: [[3]], expected: [[3]], alsoAccepted: [[3]] },
        { arguments: [[0.1, 0.2]], expected: [0.1, 0.2000001] },
      ],
    };
    expect(await judge(tests, 'def f(x): return tuple(x)')).toMatchObject({ score: 2 / 3 });
    const tolerant: ProblemTests = { ...tests, tolerance: { absolute: 1e-5, relative: 0 } };
    expect(await judge(tolerant, 'class Solution:\n    def f(self, x): return x')).toMatchObject({
      outcome: 'correct',
    });
  });

  test("use a problem's checker, and are ungradable if the checker is broken", async () => {
    const tests: ProblemTests = {
      type: 'stdio',
      language: 'python',
      cases: [{ input: '10', output: 'any divisor' }],
      checker: 'def check(given, expected, printed): return int(given) % int(printed) == 0',
    };
    expect(await judge(tests, 'print(5)')).toMatchObject({ outcome: 'correct' });
    expect(await judge(tests, 'print(3)')).toMatchObject({ outcome: 'incorrect' });
    expect(await judge({ ...tests, checker: 'def check(*_): 1 / 0' }, 'print(5)')).toMatchObject({
      outcome: 'ungradable',
    });
    expect(await judge({ ...tests, checker: 'nonsense(' }, 'print(5)')).toMatchObject({
      outcome: 'ungradable',
    });
  });

  const checkerOf = (...lines: string[]): ProblemTests => ({
    type: 'stdio',
    language: 'python',
    cases: [{ input: '10\n', output: '2 é\n' }],
    checker: ['import sys', 'given, expected, printed = sys.argv[1:]', ...lines].join('\n'),
  });

  test('a checker program reads its three files and prints the verdict', async () => {
    const tests = checkerOf(
      'import io, pathlib',
      'n = int(open(given).read())',
      'with io.open(expected, encoding="utf-8") as file: assert file.read() == "2 \u00e9\\n"',
      'assert open(printed, "rb").read() == pathlib.Path(printed).read_text(encoding="utf-8").encode()',
      'print(int(n % int(open(printed).read().split()[0]) == 0))',
    );
    expect(await judge(tests, 'print("5 \u00e9")')).toMatchObject({ outcome: 'correct' });
    expect(await judge(tests, 'print(3)')).toMatchObject({ outcome: 'incorrect' });
    expect(await judge(tests, 'print("x")')).toMatchObject({ outcome: 'incorrect' });
  });

  test('are ungradable if a checker program prints no verdict', async () => {
    const messages = [
      ['print("yes")', "expected one number, printed 'yes'"],
      ['pass', "expected one number, printed ''"],
      ['print(1)\nsys.exit(3)', 'exit code 3'],
      ['import nothing_such', 'nothing_such'],
    ];
    for (const [line, message] of messages) {
      expect(await judge(checkerOf(line!), 'print(5)')).toMatchObject({
        outcome: 'ungradable',
        reason: expect.stringContaining(message!) as string,
      });
    }
  });

  test('keep integers beyond 2^53 exact in arguments, results and messages', async () => {
    const big = 10n ** 20n + 1n;
    const tests: ProblemTests = {
      type: 'function',
      language: 'python',
      entryPoint: 'f',
      cases: [{ arguments: [[big]], expected: { a: big + 1n } }],
    };
    expect(await judge(tests, 'def f(x): return {"a": x[0] + 1}')).toMatchObject({ outcome: 'correct' });
    expect(await judge(tests, 'def f(x): return {"a": x[0]}')).toMatchObject({
      outcome: 'incorrect',
      reason: expect.stringContaining('100000000000000000002') as string,
    });
  });

  test('compare integers exactly, regardless of the tolerance', async () => {
    const tests: ProblemTests = {
      type: 'function',
      language: 'python',
      entryPoint: 'f',
      cases: [{ arguments: [], expected: 1_000_000 }],
      tolerance: { absolute: 2, relative: 0 },
    };
    expect(await judge(tests, 'def f(): return 1000001')).toMatchObject({ outcome: 'incorrect' });
    expect(await judge(tests, 'def f(): return 1000001.0')).toMatchObject({ outcome: 'correct' });
  });

  test('are ungradable if the tests cannot run', async () => {
    const tests: ProblemTests = {
      type: 'asserts',
      language: 'python',
      setup: '1 / 0',
      entryPoint: 'f',
      tests: ['f()'],
    };
    expect(await judge(tests, 'def f(): pass')).toMatchObject({ outcome: 'ungradable' });
  });

  test("use a problem's limits rather than the configured ones", async () => {
    const source = 'import time\nwhile time.process_time() < 0.3: pass\nx = bytearray(150 << 20)\nprint(1)';
    const tests: ProblemTests = { type: 'stdio', language: 'python', cases: [{ input: '', output: '1' }] };
    expect(await judge(tests, source)).toMatchObject({ outcome: 'correct' });
    expect(await judge({ ...tests, maxCpuMs: 200 }, source)).toMatchObject({ outcome: 'timeout' });
    expect(await judge({ ...tests, maxMemoryBytes: 128 << 20 }, source)).toMatchObject({
      reason: expect.stringContaining('memory') as string,
    });
  });
});

describe('the code verifier', () => {
  test.each([
    [undefined, /problem p: expected tests for a program, got none/],
    [
      { type: 'stdio', language: 'javascript', cases: [{ input: '', output: '' }] },
      /expected tests in python, got javascript/,
    ],
    [{ type: 'stdio', language: 'python', cases: [] }, /expected at least one test/],
  ] as [ProblemTests | undefined, RegExp][])(
    'refuses a problem without usable tests: %j',
    (tests, message) => {
      expect(() => verifier.check(problemOf(tests))).toThrow(message);
    },
  );

  test('changes its version with every setting that can change a verdict', () => {
    const versions = [
      {},
      { score: 'fraction' },
      { score: { threshold: 0.5 } },
      { maxTests: 3 },
      { maxCpu: '1s' },
      { maxMemoryMiB: 64 },
      { sandbox: pythonSandbox({ packages: ['numpy'] }) },
    ] as const;
    expect(new Set(versions.map((options) => openCode(code(options)).version)).size).toBe(versions.length);
    expect(openCode(code({ sandbox: pythonSandbox({ lanes: 7 }) })).version).toBe(openCode(code()).version);
  });

  test('rejects an unknown setting', () => {
    expect(() => codeConfig.parse({ type: 'code', timeout: 3 })).toThrow(/timeout/);
  });
});
