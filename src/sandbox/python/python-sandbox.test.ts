import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { SandboxLimits } from '../sandbox.ts';
import { openPythonSandbox, pythonSandbox } from './python-sandbox.ts';

const limits: SandboxLimits = { maxCpuMs: 500, maxMemoryBytes: 256 << 20, maxOutputCharacters: 10_000 };
const opened = await openPythonSandbox(pythonSandbox({ lanes: 2 })).catch((error: Error) => error);
const isHere = !(opened instanceof Error);
const sandbox = opened as Exclude<typeof opened, Error>;
afterAll(async () => {
  if (isHere) await sandbox[Symbol.asyncDispose]();
});

const script = async (source: string, ...inputs: string[]) => {
  const outcome = await sandbox.run(
    { type: 'stdio', source, inputs: inputs.length === 0 ? [''] : inputs },
    limits,
  );
  return outcome.status === 'ran' ? outcome.results : outcome;
};
const call = (source: string, ...calls: unknown[][]) =>
  sandbox.run({ type: 'function', source, entryPoint: 'f', calls }, limits);

function framed(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}

/** Returns the ids of all descendants of the process `root`. */
function descendants(root: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(name)]);
  const below = (of: number): number[] =>
    parents.filter(([, parent]) => parent === of).flatMap(([pid]) => [pid!, ...below(pid!)]);
  return below(root);
}

function parentOf(pid: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]);
  } catch {
    return 0;
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Returns the process ids of the fork servers that this process started, and of the processes that host them. */
function forkServers(): number[] {
  return descendants(process.pid).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('fork_server.py');
    } catch {
      return false;
    }
  });
}

describe.skipIf(!isHere)(`scripts${isHere ? '' : ` (skipped: ${opened.message})`}`, () => {
  test('read their input and print, each in a new process', async () => {
    const source =
      'import builtins\nn = getattr(builtins, "seen", 0)\nbuiltins.seen = 1\nprint(int(input()) * 2 + n)';
    expect(await script(source, '1', '2')).toEqual([
      { status: 'printed', stdout: '2\n' },
      { status: 'printed', stdout: '4\n' },
    ]);
  });

  test.each([
    ['raises', 'print(1)\n1 / 0', { status: 'failed', error: 'ZeroDivisionError: division by zero' }],
    ['exits with an error', 'raise SystemExit(3)', { status: 'failed', error: 'ended with exit code 3' }],
    ['exits with code 0', 'print(1)\nraise SystemExit', { status: 'printed', stdout: '1\n' }],
    ['crashes', 'import ctypes\nctypes.string_at(0)', { status: 'failed', error: 'ended by signal 11' }],
    [
      'does not parse',
      'x = (',
      { status: 'failed', error: expect.stringContaining('SyntaxError') as string },
    ],
    ['loops', 'while True: pass', { status: 'timeout' }],
    ['sleeps', 'import time\ntime.sleep(1e6)', { status: 'timeout' }],
    ['allocates', 'x = bytearray(1 << 30)', { status: 'out-of-memory' }],
    ['prints too much', 'print("x" * 10_001)', { status: 'overflow' }],
    ['floods', 'while True: print("x" * 9999)', { status: 'overflow' }],
    [
      'prints from an exit handler',
      'import atexit\natexit.register(print, 7)',
      { status: 'printed', stdout: '7\n' },
    ],
    ['ends itself by exit()', 'print(1)\nexit()\nprint(2)', { status: 'printed', stdout: '1\n' }],
    [
      'ends itself by quit(0) in a function',
      'def f(): quit(0)\nprint(1)\nf()',
      { status: 'printed', stdout: '1\n' },
    ],
    ['fails by exit("no")', 'exit("no")', { status: 'failed', error: 'ended with exit code 1' }],
    [
      'prints and reads integers of more than 4,300 digits',
      'print(len(str(10 ** 5000)), int("9" * 5000) % 7)',
      { status: 'printed', stdout: '5001 1\n' },
    ],
    [
      'runs an event loop with a thread',
      'import asyncio\nasync def main():\n    await asyncio.sleep(0.001)\n    print(await asyncio.to_thread(lambda: 7))\nasyncio.run(main())',
      { status: 'printed', stdout: '7\n' },
    ],
    [
      'waits for its threads',
      'import threading\nthreading.Timer(0.05, print, (7,)).start()',
      { status: 'printed', stdout: '7\n' },
    ],
    [
      'prints bytes that are not Unicode',
      'import sys\nsys.stdout.buffer.write(b"\\xff\\n")',
      { status: 'printed', stdout: '\u{FFFD}\n' },
    ],
    [
      'reads by /dev/stdin',
      'print(open("/dev/stdin").read() == "")',
      { status: 'printed', stdout: 'True\n' },
    ],
  ])('the result of a script that %s', async (_, source, result) => {
    expect(await script(source)).toEqual([result]);
  });
});

describe.skipIf(!isHere)('functions', () => {
  test('return plain data', async () => {
    const source = 'def f(x): return {"tuple": (x, [x]), 3: {x}, "big": 2 ** 60, "none": None}';
    expect(await call(source, ['a'])).toEqual({
      status: 'ran',
      results: [{ status: 'returned', value: { tuple: ['a', ['a']], 3: ['a'], big: 2n ** 60n, none: null } }],
    });
  });

  test('may be methods of a class Solution', async () => {
    const source = 'class Solution:\n    def f(self, x): return x + 1';
    expect(await call(source, [1])).toMatchObject({ results: [{ value: 2 }] });
    const dotted = { type: 'function', source, entryPoint: 'Solution.f', calls: [[1]] } as const;
    expect(await sandbox.run(dotted, limits)).toMatchObject({ results: [{ value: 2 }] });
  });

  test('fail call by call; a timeout ends all later calls', async () => {
    const source = 'def f(x):\n    if x == 1: raise ValueError("no")\n    while x == 2: pass\n    return x';
    expect(await call(source, [0], [1], [2], [3])).toEqual({
      status: 'ran',
      results: [
        { status: 'returned', value: 0 },
        { status: 'failed', error: 'ValueError: no' },
        { status: 'timeout' },
        { status: 'timeout' },
      ],
    });
  });

  test.each([
    ['a syntax error', 'def f(', 'failed'],
    ['an error', 'import nothing_such', 'failed'],
    ['a loop', 'while True: pass', 'timeout'],
    ['all memory', 'x = bytearray(1 << 30)', 'out-of-memory'],
    ['an exit', 'raise SystemExit(0)', 'failed'],
  ])('do not load because of %s', async (_, source, cause) => {
    expect(await call(source, [1])).toMatchObject({ status: 'not-loaded', cause });
  });
});

describe.skipIf(!isHere)('tests in a second process', () => {
  const outcomes = async (source: string, tests: string[], setup = '') => {
    const outcome = await sandbox.judge(source, { type: 'tests', setup, entryPoint: 'f', tests }, limits);
    return outcome.status === 'judged' ? outcome.outcomes : outcome;
  };

  test.each([
    '(1, (2, []))',
    '{1, 2}',
    'frozenset({1})',
    'b"\\x00\\xff"',
    'bytearray(b"a")',
    '1 + 2j',
    'float("inf")',
    '-0.0',
    '1e-320',
    '2 ** 100',
    '-(10 ** 5000)',
    '2 ** 53 + 1',
    '"\\ud800 é\\0"',
    '{(1, 2): {3: [4]}}',
    'range(1, 10, 3)',
    '...',
    'None',
    'int',
    'collections.deque([1, 2])',
    'collections.Counter("aab")',
    'collections.OrderedDict([(2, 1), (1, 2)])',
    'decimal.Decimal("1.10")',
    'fractions.Fraction(-1, 3)',
    'datetime.datetime(2026, 1, 2, 3, 4, 5, 6)',
    'datetime.date(2026, 1, 2)',
    'datetime.time(1, 2)',
    'datetime.timedelta(-1, 2, 3)',
  ])('%s is passed to the program and back unchanged', async (value) => {
    const tests = [
      `assert f(${value}) == ${value}`,
      `assert type(f(${value})) is type(${value})`,
      `assert repr(f(${value})) == repr(${value})`,
    ];
    expect(await outcomes('def f(x): return x', tests)).toEqual([
      { status: 'passed' },
      { status: 'passed' },
      { status: 'passed' },
    ]);
  });

  test('iterators, views and named tuples arrive as their contents', async () => {
    const source =
      'from collections import namedtuple\nP = namedtuple("P", "x y")\ndef f(k):\n    return [map(str, [1]), (i for i in [1]), {1: 2}.keys(), P(1, 2)][k]';
    const tests = [
      'assert list(f(0)) == ["1"]',
      'assert next(f(1)) == 1',
      'assert list(f(2)) == [1]',
      'assert f(3) == (1, 2)',
    ];
    expect(await outcomes(source, tests)).toEqual(tests.map(() => ({ status: 'passed' })));
  });

  test("objects of the program's own classes can be created, filled and passed back", async () => {
    const source =
      'class Node:\n    def __init__(self, v): self.v, self.next = v, None\ndef f(n): return n.v + (f(n.next) if n.next else 0)';
    expect(
      await outcomes(
        source,
        ['assert f(a) == 3', 'assert a.next.v == 2', 'assert a != Node(1)'],
        'a = Node(1)\na.next = Node(2)',
      ),
    ).toEqual([1, 2, 3].map(() => ({ status: 'passed' })));
  });

  test('numbers are compared as in HumanEval+, with a stand-in for numpy', async () => {
    const tests = [
      'assert np.allclose(f([1, 2.5]), [1 + 1e-9, 2.5])',
      'assert not np.allclose(f([1]), [1.1], rtol=1e-7, atol=1e-6)',
      'assert not isinstance(f(1), np.ndarray)',
      'np.testing.assert_allclose(f(1.0), 1.0)',
    ];
    expect(await outcomes('def f(x): return x', tests, 'import numpy as np')).toEqual(
      tests.map(() => ({ status: 'passed' })),
    );
  });

  test.each([
    ['a setup that fails by itself', ['f()'], '1 / 0'],
    ['a test that is no program', ['assert f( =='], ''],
    ['a setup that needs what is not there', ['f()'], 'import nothing_such'],
  ])('tests with %s are broken', async (_, tests, setup) => {
    expect(await outcomes('def f(): return 1', tests, setup)).toMatchObject({ status: 'infrastructure' });
  });

  test('a setup that fails because of the program fails the program', async () => {
    expect(await outcomes('def f(): return 1', ['f()'], 'f().x\nNode()')).toMatchObject([
      { status: 'failed' },
    ]);
  });

  test("the program's own exceptions keep their name and base classes", async () => {
    const source = 'class Base(ValueError): pass\nclass Own(Base): pass\ndef f(x): raise Own(f"no {x}")';
    const tests = [
      'try: f(1)\nexcept Own as error: assert str(error) == "no 1"',
      'try: f(1)\nexcept Base: pass',
      'try: f(1)\nexcept ValueError: pass',
      'try: f(1)\nexcept KeyError: pass',
    ];
    const found = await outcomes(source, tests, 'from solution import Own, Base');
    expect(found).toMatchObject([
      { status: 'passed' },
      { status: 'passed' },
      { status: 'passed' },
      { status: 'failed', error: 'Own: no 1' },
    ]);
  });

  test("objects of the tests' classes are rebuilt in the program, including cycles", async () => {
    const node = 'class Node:\n    def __init__(self, v, next=None): self.v, self.next = v, next\n';
    const source = `${node}def f(n):\n    total = n.v\n    m = n.next\n    while m is not None and m is not n: total, m = total + m.v, m.next\n    return total`;
    const setup = `${node}ring = Node(1, Node(2))\nring.next.next = ring\n`;
    expect(
      await outcomes(source, ['assert f(Node(1, Node(2, Node(3)))) == 6', 'assert f(ring) == 3'], setup),
    ).toEqual([{ status: 'passed' }, { status: 'passed' }]);
  });

  test('unittest classes run one method at a time, with their setup and skips', async () => {
    const setup = [
      'import unittest',
      'class T(unittest.TestCase):',
      '    @classmethod',
      '    def setUpClass(cls): cls.two = 2',
      '    def setUp(self): self.x = self.two',
      '    def test_right(self): self.assertEqual(f(self.x), 3)',
      '    def test_wrong(self): self.assertEqual(f(self.x), 4)',
      '    def test_raises(self):',
      '        with self.assertRaises(TypeError): f("x")',
      '    def test_parts(self):',
      '        for i in range(3):',
      '            with self.subTest(i=i): self.assertEqual(f(i), i + 1)',
      '    @unittest.skip("never")',
      '    def test_skipped(self): self.fail()',
      '    async def test_async(self): pass',
    ].join('\n');
    const names = ['right', 'wrong', 'raises', 'parts', 'skipped'];
    const tests = names.map((name) => `__run_test__(T, "test_${name}")`);
    expect(await outcomes('def f(x): return x + 1', tests, setup)).toMatchObject(
      names.map((name) => ({ status: name === 'wrong' ? 'failed' : 'passed' })),
    );
  });

  test("pytest's tests run with parameters, fixtures and raises", async () => {
    const setup = [
      'import pytest',
      'from solution import f, Own',
      '@pytest.fixture',
      'def base():',
      '    yield 10',
      '@pytest.fixture()',
      'def double(base): return 2 * base',
      '@pytest.mark.parametrize("x, y", [(1, 2), pytest.param(2, 3, id="b")])',
      '@pytest.mark.parametrize("z", [0, 0.0])',
      'def test_rows(x, y, z): assert f(x) + z == y',
      '@pytest.mark.parametrize("x", [1, 5])',
      'def test_one_wrong_row(x): assert f(x) == 2',
      '@pytest.mark.slow',
      'def test_fixture(double, base): assert f(double) == 2 * base + 1',
      'def test_raises():',
      '    with pytest.raises(Own, match="neg") as info: f(-1)',
      '    assert str(info.value) == "negative"',
      'def test_raises_nothing():',
      '    with pytest.raises(Own): f(1)',
      'def test_close(): assert [f(0.1), f(0.2)] == pytest.approx([1.1, 1.2000000001])',
      'def test_far(): assert f(0.1) == pytest.approx(1.2)',
      'class TestMethods:',
      '    def setup_method(self): self.x = 1',
      '    def test_it(self): assert f(self.x) == 2',
      'async def test_async(): assert f(1) == 2',
    ].join('\n');
    const source =
      'class Own(Exception): pass\ndef f(x):\n    if x < 0: raise Own("negative")\n    return x + 1';
    const runs = {
      '__run_test__(test_rows)': 'passed',
      '__run_test__(test_one_wrong_row)': 'failed',
      '__run_test__(test_fixture)': 'passed',
      '__run_test__(test_raises)': 'passed',
      '__run_test__(test_raises_nothing)': 'failed',
      '__run_test__(test_close)': 'passed',
      '__run_test__(test_far)': 'failed',
      '__run_test__(TestMethods, "test_it")': 'passed',
      '__run_test__(test_async)': 'passed',
    };
    expect(await outcomes(source, Object.keys(runs), setup)).toMatchObject(
      Object.values(runs).map((status) => ({ status })),
    );
  });

  test.each([
    ['mocks', 'from unittest.mock import patch', 'f(1)', 'unittest.mock'],
    [
      'captured output',
      'import contextlib, io',
      'with contextlib.redirect_stdout(io.StringIO()): f(1)',
      'redirect_stdout',
    ],
    ['a replaced sys.stdout', 'import sys, io', 'sys.stdout = io.StringIO()', 'sys.stdout'],
    [
      'a fixture of pytest itself',
      'import pytest\ndef test_a(capsys): f(1)',
      '__run_test__(test_a)',
      'capsys',
    ],
    ['another part of pytest', 'import pytest', 'pytest.warns(UserWarning)', 'pytest.warns'],
    ['numpy beyond the stand-in', 'import numpy as np', 'assert f(np.array([1])) == 2', 'declare numpy'],
    ['a library that is not there', 'import pandas', 'f(1)', 'pandas'],
  ])('reports tests that need %s as broken, with the reason', async (_, setup, test_, reason) => {
    expect(await outcomes('def f(x): return x', [test_], setup)).toMatchObject({
      status: 'infrastructure',
      error: expect.stringContaining(reason) as string,
    });
  });

  test('describing a wrong result is cheap even for an integer of many digits', async () => {
    const outcome = await sandbox.judge(
      'def f(): return 10 ** 3_000_000',
      { type: 'cases', entryPoint: 'f', cases: [{ arguments: [], accepted: [1] }] },
      { ...limits, maxCpuMs: 5000 },
    );
    expect(outcome).toMatchObject({
      status: 'judged',
      outcomes: [{ status: 'failed', error: expect.stringContaining('more than 4300 digits') as string }],
    });
  });

  test('errors keep their name', async () => {
    const raising = 'try:\n    f(0)\nexcept ZeroDivisionError:\n    pass\nelse:\n    raise AssertionError';
    expect(await outcomes('def f(x): return 1 / x', [raising])).toEqual([{ status: 'passed' }]);
  });

  test(
    'a program that sends arbitrary bytes instead of replies passes no test and breaks nothing',
    { timeout: 120_000 },
    async () => {
      const frame = fc.oneof(
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        fc.jsonValue().map((value) => framed({ value })),
        fc
          .constantFrom('tuple', 'dict', 'int', 'ref', 'Decimal', 'range', 'type', 'float')
          .chain((tag) => fc.jsonValue().map((value) => framed({ value: { [tag]: value } }))),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(frame, { maxLength: 4 }), async (frames) => {
          const bytes = Buffer.concat(frames).toString('hex');
          const source = `import os\nos.write(4, bytes.fromhex("${bytes}"))\nos.close(4)`;
          const outcome = await sandbox.judge(
            source,
            { type: 'tests', setup: '', entryPoint: 'f', tests: ['assert f(1) == "a secret"'] },
            limits,
          );
          expect(['judged', 'not-loaded']).toContain(outcome.status);
          expect(JSON.stringify(outcome)).not.toContain('passed');
        }),
        { numRuns: 60 },
      );
    },
  );

  test('each test may use the entire CPU limit', async () => {
    const source =
      'import time\ndef f():\n    end = time.process_time() + 0.3\n    while time.process_time() < end: pass\n    return 1';
    expect(await outcomes(source, ['assert f() == 1', 'assert f() == 1', 'f()\nf()'])).toEqual([
      { status: 'passed' },
      { status: 'passed' },
      { status: 'timeout' },
    ]);
  });
});

describe.skipIf(!isHere)('the lanes', () => {
  test('programs beyond the number of lanes wait', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => script(`print(${i})`)));
    expect(outcomes).toEqual(Array.from({ length: 20 }, (_, i) => [{ status: 'printed', stdout: `${i}\n` }]));
  });

  test('replaces a killed fork server and runs its program again', async () => {
    const running = script(
      'import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(1)',
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
    for (const pid of forkServers()) process.kill(pid, 'SIGKILL');
    expect(await running).toEqual([{ status: 'printed', stdout: '1\n' }]);
  });

  test('an aborted program rejects with the reason, and its lane is replaced', async () => {
    const stop = new AbortController();
    const running = sandbox.run(
      { type: 'stdio', source: 'while True: pass', inputs: [''] },
      limits,
      stop.signal,
    );
    stop.abort(new Error('no longer wanted'));
    await expect(running).rejects.toThrow('no longer wanted');
    expect(await script('print(1)')).toEqual([{ status: 'printed', stdout: '1\n' }]);
  });

  test('all processes end with this process, even if it is killed', async () => {
    const program = `
      import { openPythonSandbox } from './src/sandbox/python/python-sandbox.ts';
      const sandbox = await openPythonSandbox({ type: 'python', lanes: 1 });
      console.log('running');
      const limits = ${JSON.stringify({ ...limits, maxCpuMs: 20_000 })};
      await sandbox.run({ type: 'stdio', source: 'while True: pass', inputs: [''] }, limits);`;
    const flags = ['-C', 'development', '--input-type=module-typescript', '-e', program];
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const tree = descendants(child.pid!);
    expect(tree.length).toBeGreaterThanOrEqual(2);
    child.kill('SIGKILL');
    await expect.poll(() => tree.filter(isAlive), { timeout: 5000 }).toEqual([]);
  });

  test('closing leaves no process behind', async () => {
    const before = forkServers().length;
    const another = await openPythonSandbox(pythonSandbox({ lanes: 1 }));
    await another[Symbol.asyncDispose]();
    expect(forkServers().length).toBeLessThanOrEqual(before);
  });
});

test('if no kind works, the error names the requirements', async () => {
  await expect(openPythonSandbox(pythonSandbox({ python: '/bin/false' }))).rejects.toMatchObject({
    name: 'SandboxError',
    message: expect.stringContaining('Linux') as string,
    tryNext: expect.any(String) as string,
  });
});
