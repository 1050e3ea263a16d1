import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { SandboxLimits } from '../../sandbox.ts';
import { openPythonSandbox, pythonSandbox } from '../python-sandbox.ts';
import { stallOf } from '../outcomes.ts';
import { limitMemory } from './python-module.ts';
import { SharedPipe } from './shared-pipe.ts';
import { createWasiPool } from './wasi-pool.ts';

const limits: SandboxLimits = { maxCpuMs: 100, maxMemoryBytes: 128 << 20, maxOutputCharacters: 5000 };
const opened = await openPythonSandbox(pythonSandbox({ kind: 'wasi', lanes: 2 })).catch(
  (error: Error) => error,
);
const isHere = !(opened instanceof Error);
const sandbox = opened as Exclude<typeof opened, Error>;
afterAll(async () => {
  if (isHere) await sandbox[Symbol.asyncDispose]();
});

const script = async (source: string, input = '') => {
  const outcome = await sandbox.run({ type: 'stdio', source, inputs: [input] }, limits);
  return outcome.status === 'ran' ? outcome.results[0] : outcome;
};

describe.skipIf(!isHere)('Python as WebAssembly', () => {
  test('reports its kind and interpreter', () => {
    expect(sandbox.name).toBe('python-wasi@1');
    expect(sandbox.choice).toMatchObject({
      kind: 'wasi',
      interpreter: 'python.wasm',
      writableDirectory: false,
    });
  });

  test('a program reads its input and prints', async () => {
    expect(await script('import heapq, json\nprint(input()[::-1])', 'abc\nxyz')).toEqual({
      status: 'printed',
      stdout: 'cba\n',
    });
  });

  test.each([
    ['a loop', 'while True: pass', { status: 'timeout' }],
    ['memory', 'x = bytearray(1 << 29)', { status: 'out-of-memory' }],
    ['output', 'while True: print("x" * 1000)', { status: 'overflow' }],
    ['an error', '1 / 0', { status: 'failed', error: 'ZeroDivisionError: division by zero' }],
    ['an exit code', 'import sys\nsys.exit(3)', { status: 'failed', error: 'ended with exit code 3' }],
  ])('%s', async (_, source, expected) => {
    expect(await script(source)).toEqual(expected);
  });

  test.each([
    ['files of the host', 'open("/etc/hostname").read()'],
    ['files of this process', 'open("/proc/self/environ").read()'],
    ['a way up', 'open("/io/../etc/hostname").read()'],
    ['writing', 'open("/io/new", "w").write("x")'],
    ['the tests of a judge', 'open("/io/program-cpu").read()'],
    ['sockets', 'import socket\nsocket.socket().connect(("127.0.0.1", 80))'],
    ['processes', 'import subprocess\nsubprocess.run(["true"])'],
    ['the environment', 'import os\nassert os.environ'],
    ['threads', 'import threading\nthreading.Thread(target=print).start()'],
  ])('prevents access to %s', async (_, source) => {
    expect(
      await script(
        `try:\n  ${source.replaceAll('\n', '\n  ')}\n  print("ESCAPED")\nexcept BaseException:\n  print("held")`,
      ),
    ).toEqual({
      status: 'printed',
      stdout: 'held\n',
    });
  });

  test('ends a sleeping program at its wall-clock limit and reports that it slept', async () => {
    await using pool = createWasiPool(1);
    const { program } = await pool.run({
      memoryBytes: 128 << 20,
      cpuSeconds: 1,
      outputBytes: 1000,
      wallMs: 60,
      program: { source: 'import time\ntime.sleep(100)' },
    });
    expect(program).toMatchObject({ ended: 'killed', states: 'S' });
    expect(stallOf(program)).toBe('idle');
  });

  test('a program leaves no state behind for the next program', async () => {
    await script('import builtins, sys\nbuiltins.print = None\nsys.modules["json"] = None');
    expect(await script('import json\nprint(json.dumps([1]))')).toEqual({
      status: 'printed',
      stdout: '[1]\n',
    });
  });

  test('runs tests in a different interpreter from the program', async () => {
    const outcome = await sandbox.judge(
      'def f(x):\n  print("noise")\n  while x > 2: pass\n  return x',
      {
        type: 'tests',
        setup: '',
        entryPoint: 'f',
        tests: ['assert f(1) == 1', 'assert f(2) == 3', 'assert f(3)'],
      },
      limits,
    );
    expect(outcome).toEqual({
      status: 'judged',
      outcomes: [
        { status: 'passed' },
        { status: 'failed', error: expect.stringContaining('AssertionError') as string },
        { status: 'timeout' },
      ],
    });
  });

  test.each([
    ['exits with success', 'import os\nos._exit(0)'],
    ['agrees with everything', 'class A:\n  def __eq__(self, other): return True\ndef f(x): return A()'],
    [
      'forges replies',
      'import os\nfor n in range(3, 64):\n  try: os.write(n, b"\\x10\\0\\0\\0" + b\'{"value": 1   }  \')\n  except OSError: pass\ndef f(x): return 2',
    ],
    ['ends when asked', 'import os\ndef f(x): os._exit(0)'],
  ])('a cheat that %s does not pass', async (_, source) => {
    const tests = { type: 'tests', setup: '', entryPoint: 'f', tests: ['assert f(1) == 1'] } as const;
    const outcome = await sandbox.judge(source, tests, limits);
    const passed = outcome.status === 'judged' && outcome.outcomes.every(({ status }) => status === 'passed');
    expect(passed).toBe(false);
    expect(outcome.status).not.toBe('infrastructure');
  });

  test('an aborted run rejects, and its lane runs the next program', async () => {
    const abort = new AbortController();
    const running = sandbox.run(
      { type: 'stdio', source: 'while True: pass', inputs: [''] },
      limits,
      abort.signal,
    );
    setTimeout(() => abort.abort(new Error('enough')), 50);
    await expect(running).rejects.toThrow('enough');
    expect(await script('print(1)')).toEqual({ status: 'printed', stdout: '1\n' });
  });
});

describe('limitMemory', () => {
  /** A module with one memory of unlimited size, followed by an empty custom section. */
  const module = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 0, 1, 0, 2, 1, 0x78]);
  const WebAssembly = (globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } })
    .WebAssembly;

  test('writes a limit into a valid module and leaves the rest unchanged', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_536 }), (pages) => {
        const limited = limitMemory(module, pages);
        expect(WebAssembly.validate(limited)).toBe(true);
        expect(limitMemory(limited, pages)).toEqual(limited);
      }),
    );
  });

  test('rejects fewer pages than the module starts with, and a module without memory', () => {
    expect(() => limitMemory(module, 0)).toThrow('Python needs 65536 bytes to start');
    expect(() => limitMemory(module.subarray(0, 8), 1)).toThrow(
      'expected a WebAssembly module with a memory',
    );
  });
});

describe('SharedPipe', () => {
  test('returns the bytes written, in order, for all sizes of reads and writes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 80 }),
        fc.integer({ min: 1, max: 50_000 }),
        (sizes, most) => {
          const writer = new SharedPipe();
          const reader = new SharedPipe(writer.memory);
          let [next, expected] = [0, 0];
          const counted = (size: number): Uint8Array => {
            const bytes = new Uint8Array(size);
            for (let at = 0; at < size; at++) bytes[at] = next++ % 251;
            return bytes;
          };
          for (const size of sizes) {
            expect(writer.write(counted(size))).toBe(true);
            for (let left = size; left > 0;) {
              const part = reader.read(Math.min(most, left));
              let isSame = true;
              for (const byte of part) isSame &&= byte === expected++ % 251;
              expect(isSame).toBe(true);
              left -= part.length;
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('a closed pipe returns the remaining bytes, then nothing, and accepts no more', () => {
    const pipe = new SharedPipe();
    pipe.write(Uint8Array.of(1, 2, 3));
    pipe.close();
    expect(pipe.write(Uint8Array.of(4))).toBe(false);
    expect([...pipe.read(10)]).toEqual([1, 2, 3]);
    expect(pipe.read(10)).toHaveLength(0);
    expect(pipe.isReadable(0)).toBe(true);
  });
});
