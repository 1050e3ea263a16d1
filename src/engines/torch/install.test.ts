import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { installEnvironment } from './install.ts';
import { pythonIn, requirements, whatIsMissing } from './python.ts';

const scratch = mkdtempSync(join(tmpdir(), 'install-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const complete = { python: '3.12.1', packages: requirements(), error: null, cuda: [] };

interface FakePython {
  readonly version?: string;
  /** Shell scripts that replace `-m venv <folder>` and pip. */
  readonly venv?: string;
  readonly pip?: string;
  readonly state?: object;
}

let count = 0;
/**
 * Creates a PATH whose `python3` is a script with fixed answers. Environments that this script creates contain a copy
 * of it.
 */
function fakePath({ version = '3.12', venv = '', pip = '', state = complete }: FakePython): string {
  const folder = join(scratch, `bin-${++count}`);
  mkdirSync(folder);
  const script = `#!/bin/sh
case "$*" in
  "-c import sys"*) echo ${version} ;;
  "-m venv "*) ${venv}
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip install"*) echo "$@" > "$(dirname "$0")/asked"
    ${pip} ;;
  *) echo '${JSON.stringify(state)}' ;;
esac
`;
  writeFileSync(join(folder, 'python3'), script);
  chmodSync(join(folder, 'python3'), 0o755);
  return `${folder}:/usr/bin:/bin`;
}

const onlyFake = (fake: FakePython): string => fakePath(fake).split(':')[0]!;

test('creates an environment with the first suitable Python and installs the pinned packages', async () => {
  const folder = join(scratch, 'made');
  const path = [onlyFake({ version: '3.9' }), onlyFake({})].join(':');
  const said: string[] = [];
  await installEnvironment({ folder, path, say: (line) => said.push(line) });
  expect(said[0]).toMatch(/with .*bin-2\/python3$/);
  expect(readFileSync(join(folder, 'bin/asked'), 'utf8')).toMatch(/-r \S+\/worker\/requirements-runtime.txt/);
});

test.each([
  ['too old', { version: '3.9' }, /expected Python 3\.11 to 3\.14, found \S+ is 3\.9/],
  ['broken', { version: '; exit 1' }, /python3 is broken/],
  ['without venv', { venv: 'echo "No module named venv"; exit 1;' }, /has no venv module/],
  [
    'without network',
    { pip: 'echo "NewConnectionError: Temporary failure in name resolution" >&2; exit 1' },
    /the package index cannot be reached/,
  ],
  [
    'on a full disk',
    { pip: 'echo "OSError: [Errno 28] No space left on device" >&2; exit 1' },
    /the disk is full/,
  ],
  [
    'with another complaint',
    { pip: 'echo "ERROR: no torch for this machine"; exit 1' },
    /no torch for this machine/,
  ],
  [
    'with a torch that does not load',
    { state: { ...complete, error: 'ImportError: libfoo' } },
    /missing: a torch that loads \(ImportError: libfoo\)/,
  ],
])('a Python %s causes one clear error, and nothing is left behind', async (what, fake, message) => {
  const folder = join(scratch, what.replaceAll(' ', '-'));
  const installing = installEnvironment({ folder, path: onlyFake(fake) });
  await expect(installing).rejects.toMatchObject({
    code: 'PYTHON_UNFIT',
    message: expect.stringMatching(message) as string,
    tryNext: expect.stringMatching(/./) as string,
  });
  expect(existsSync(folder)).toBe(false);
});

test('reports that no Python was found, and what to do', async () => {
  const folder = join(scratch, 'none');
  await expect(installEnvironment({ folder, path: scratch })).rejects.toThrow(/found no python3 on PATH/);
});

test('completes an existing environment, and keeps it if the installation fails', async () => {
  const folder = join(scratch, 'there');
  await installEnvironment({ folder, path: onlyFake({}) });
  const python = pythonIn(folder);
  writeFileSync(python, readFileSync(python, 'utf8').replace('/asked"', '/asked"; exit 1'));
  await expect(installEnvironment({ folder })).rejects.toThrow(/pip could not install/);
  expect(existsSync(python)).toBe(true);
});

test('treats a PyTorch that is too old as missing', () => {
  expect(whatIsMissing(complete)).toEqual([]);
  expect(whatIsMissing({ ...complete, packages: { ...complete.packages, torch: '2.4.1+cu121' } })).toEqual([
    'torch 2.11 or newer (found 2.4.1+cu121)',
  ]);
  expect(whatIsMissing({ ...complete, packages: {} }).length).toBe(3);
});
