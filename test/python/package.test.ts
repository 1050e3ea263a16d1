import { execFile } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/*
 * Builds the Python package as a wheel, installs it in an empty folder, and runs its tests there, including the
 * notebook from examples/. Skipped without its environment: scripts/python-environment.sh python
 */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

const tools = resolve('python/.venv/bin');
const hasEnvironment = existsSync(join(tools, 'pytest'));

const folder = mkdtempSync(join(tmpdir(), 'gradus-python-'));
const installed = join(folder, 'installed');
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a tool of the environment in a folder, with only the installed package. */
async function run(cwd: string, tool: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, PYTHONPATH: installed, PYTHONDONTWRITEBYTECODE: '1' };
  const ended = promisify(execFile)(join(tools, tool), args, { cwd, env });
  return ended.then(
    ({ stdout }) => stdout,
    (error: unknown) =>
      `failed: ${(error as { stdout: string }).stdout}${(error as { stderr: string }).stderr}`,
  );
}

beforeAll(async () => {
  if (!hasEnvironment) return;
  // Building leaves files next to the sources.
  const copy = join(folder, 'source');
  for (const name of ['gradus', 'pyproject.toml', 'README.md'])
    cpSync(join('python', name), join(copy, name), { recursive: true });
  const quiet = ['--quiet', '--no-deps', '--disable-pip-version-check'];
  await run(
    copy,
    'python',
    '-m',
    'pip',
    'wheel',
    ...quiet,
    '--no-build-isolation',
    '--wheel-dir',
    folder,
    '.',
  );
  const wheels = globSync(join(folder, 'gradus-*-py3-none-any.whl'));
  await run(
    folder,
    'python',
    '-m',
    'pip',
    'install',
    ...quiet,
    '--no-index',
    '--target',
    installed,
    ...wheels,
  );
});

test.skipIf(!hasEnvironment)(
  'the wheel contains the package and its types (skipped without python/.venv)',
  async () => {
    const where = await run(folder, 'python', '-c', 'import gradus; print(gradus.__file__)');
    expect(where.trim()).toBe(join(installed, 'gradus/__init__.py'));
    expect(existsSync(join(installed, 'gradus/py.typed'))).toBe(true);
  },
);

test.skipIf(!hasEnvironment).for([
  ['pytest', ['-q', '-p', 'no:cacheprovider']],
  ['ruff', ['check', '--no-cache', '.']],
  ['ruff', ['format', '--no-cache', '--check', '.']],
  ['mypy', ['--cache-dir', join(tmpdir(), 'gradus-mypy-package'), 'gradus']],
] as const)('the Python package passes %s %s (skipped without python/.venv)', async ([tool, args]) => {
  expect(await run(resolve('python'), tool, ...args)).not.toMatch(/^failed: /);
});
