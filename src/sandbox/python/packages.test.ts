import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { JudgeTests } from './run-judge.ts';
import { openPythonSandbox, pythonSandbox } from './python-sandbox.ts';

const limits = { maxCpuMs: 1000, maxMemoryBytes: 256 << 20, maxOutputCharacters: 10_000 };

/** A folder that contains a package named numpy and an undeclared module. */
const folder = mkdtempSync(join(tmpdir(), 'gradus-packages-'));
chmodSync(folder, 0o755);
mkdirSync(join(folder, 'numpy'));
const array =
  'class ndarray:\n    def __init__(self, items): self.items = items\n    def tolist(self): return self.items\n    __module__ = "numpy"\narray = ndarray\n';
writeFileSync(join(folder, 'numpy', '__init__.py'), `__version__ = "9.9"\n${array}`);
for (const part of ['linalg', 'fft', 'random', 'testing'])
  writeFileSync(join(folder, 'numpy', `${part}.py`), 'loaded = True\n');
writeFileSync(join(folder, 'numpy', 'late.py'), 'value = 7\n');
writeFileSync(join(folder, 'undeclared.py'), 'value = 8\n');
afterAll(() => rmSync(folder, { recursive: true }));

const openWith = async (path: string, kind: 'auto' | 'guard' | 'wasi' = 'guard') => {
  const before = process.env['PYTHONPATH'];
  process.env['PYTHONPATH'] = path;
  try {
    return await openPythonSandbox(pythonSandbox({ kind, lanes: 1, packages: ['numpy'] }));
  } finally {
    if (before === undefined) delete process.env['PYTHONPATH'];
    else process.env['PYTHONPATH'] = before;
  }
};

const opened = await openWith(folder).catch((error: Error) => error);
const isHere = !(opened instanceof Error);
const sandbox = opened as Exclude<typeof opened, Error>;
afterAll(async () => {
  if (isHere) await sandbox[Symbol.asyncDispose]();
});

describe.skipIf(!isHere)(`a declared package${isHere ? '' : ` (skipped: ${opened.message})`}`, () => {
  const printed = async (source: string): Promise<unknown> => {
    const outcome = await sandbox.run({ type: 'stdio', source, inputs: [''] }, limits);
    return outcome.status === 'ran' ? outcome.results[0] : outcome;
  };

  test('is recorded with its version', () => {
    expect(sandbox.choice.packages).toEqual({ numpy: '9.9' });
  });

  test('can be imported, including parts that are loaded late', async () => {
    expect(
      await printed(
        'import numpy, numpy.late\nprint(numpy.__version__, numpy.late.value, numpy.linalg.loaded)',
      ),
    ).toEqual({ status: 'printed', stdout: '9.9 7 True\n' });
  });

  test.each([
    ['a module beside it', 'import undeclared'],
    ['a file beside it', `open(${JSON.stringify(join(folder, 'undeclared.py'))}).read()`],
    ['the folder around it', `import os\nos.listdir(${JSON.stringify(folder)})`],
    ['its own files, to write', 'import numpy\nopen(numpy.__file__, "a")'],
    ['new files in it', 'import numpy, os\nopen(os.path.dirname(numpy.__file__) + "/new.py", "w")'],
  ])('does not open %s', async (_, source) => {
    const held = `try:\n    ${source.replaceAll('\n', '\n    ')}\n    print("ESCAPED")\nexcept (ImportError, OSError):\n    print("held")`;
    expect(await printed(held)).toEqual({ status: 'printed', stdout: 'held\n' });
  });

  test('arrays are passed between tests and program as lists', async () => {
    const tests: JudgeTests = {
      type: 'tests',
      setup: 'import numpy',
      entryPoint: 'f',
      tests: ['assert f(numpy.array([1, 2])) == [[1, 2], 3]'],
    };
    const source = 'import numpy\ndef f(x): return numpy.array([x, 3])';
    expect(await sandbox.judge(source, tests, limits)).toMatchObject({ outcomes: [{ status: 'passed' }] });
  });
});

test('a package that no interpreter has is reported as one error with its name and the command to install it', async () => {
  await expect(openWith('/nonexistent', 'wasi')).rejects.toMatchObject({
    name: 'SandboxError',
    message: expect.stringMatching(/declared packages: numpy.*WebAssembly has no numpy/) as string,
    tryNext: expect.stringContaining('-m pip install numpy') as string,
  });
});

test('numpy cannot be imported unless it is declared', async () => {
  await using plain = await openPythonSandbox(pythonSandbox({ lanes: 1 }));
  const program = { type: 'stdio', source: 'import numpy', inputs: [''] } as const;
  expect(await plain.run(program, limits)).toMatchObject({
    results: [{ status: 'failed', error: "ModuleNotFoundError: No module named 'numpy'" }],
  });
});
