import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { SandboxError } from '../../core/errors.ts';

/** Packages that a sandbox may declare, each with the submodules that are loaded before the first program. */
const parts = { numpy: ['linalg', 'fft', 'random', 'testing'] } as const;

/** Names of the packages that a sandbox may declare. */
export const packageNames = Object.keys(parts) as (keyof typeof parts)[];

/** A declared package. Programs may read its folders. */
export interface SandboxPackage {
  readonly name: keyof typeof parts;
  readonly folders: readonly string[];
  readonly parts: readonly string[];
}

/** The end of the error message for an interpreter that lacks a package. */
export const lacksPackage = 'does not have';

const script = `
import importlib.util, json, sys
spec = importlib.util.find_spec(sys.argv[1])
print(json.dumps(list(spec.submodule_search_locations)[0] if spec and spec.submodule_search_locations else None))
`;

/**
 * Finds the folder of a package as the interpreter itself would, without importing the package.
 *
 * @throws SandboxError if the interpreter does not have it.
 */
export function findPackage(python: string, name: keyof typeof parts): SandboxPackage {
  let folder: string | null;
  try {
    folder = JSON.parse(
      execFileSync(python, ['-c', script, name], {
        encoding: 'utf8',
        cwd: '/',
        timeout: 30_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as string | null;
  } catch (cause) {
    throw new SandboxError(`${python} failed to list its packages`, { cause });
  }
  if (folder === null) {
    throw new SandboxError(`expected the package ${name}, which ${python} ${lacksPackage}`, {
      tryNext: `${python} -m pip install ${name}`,
    });
  }
  // The shared libraries of a wheel are in a folder next to the package.
  return { name, parts: parts[name], folders: [folder, `${folder}.libs`].filter((path) => existsSync(path)) };
}
