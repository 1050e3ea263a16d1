import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';

/** True if this machine has the interpreter that the stand-ins need. */
export const hasPython =
  spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0;

/** The interpreter with the real packages that the environment variable names, for tests that compare with them. */
export const realPython = process.env['GRADUS_ENVIRONMENTS_PYTHON'];

/** Makes a `python` that finds the stand-in packages in this folder. */
export function standInPython(): { readonly python: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-bridge-'));
  const python = join(folder, 'python');
  const packages = resolve('test/bridge/stand-ins');
  writeFileSync(python, `#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH='${packages}' exec python3 "$@"\n`);
  chmodSync(python, 0o755);
  return { python, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
