import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/*
 * Runs the tests and checks of the Python side, so that `npm test` covers the whole project. Skipped without an
 * environment: python3 -m venv worker/.venv && worker/.venv/bin/pip install -r worker/requirements.txt
 */

const python = resolve('worker/.venv/bin/python');
const checks = [
  ['pytest', ['-q', '-p', 'no:cacheprovider']],
  ['ruff', ['check', '.', '../bench/gpu', '../src/bridge', '../src/verifiers/python-function']],
  // Checkouts share the cache: without it, mypy reads the types of torch for most of its time.
  ['mypy', ['--cache-dir', join(tmpdir(), 'gradus-mypy-worker'), 'gradus_worker']],
] as const;

test.skipIf(!existsSync('worker/.venv/bin/pytest')).for(checks)(
  'the worker passes %s (skipped without worker/.venv)',
  { timeout: 600_000 },
  async ([tool, args]) => {
    const run = promisify(execFile)(python, ['-m', tool, ...args], { cwd: 'worker' });
    const output = await run.then(
      () => 'passed',
      (error: unknown) => (error as { stdout: string; stderr: string }).stdout,
    );
    expect(output).toBe('passed');
  },
);
