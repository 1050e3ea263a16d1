import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SandboxPackage } from './packages.ts';

/**
 * Kinds of host in which a lane's fork server can run, strongest first.
 *
 * - `bubblewrap`: separate namespaces, an empty environment and a file tree with only the interpreter, plus the guard.
 *   Does NOT stop: kernel bugs within the guard's system calls; side channels of the hardware.
 * - `guard`: only the guard. In addition, does NOT stop: seeing whether a host path exists (see guard.py).
 */
export const hostKinds = ['bubblewrap', 'guard'] as const;

/** See `hostKinds`. */
export type HostKind = (typeof hostKinds)[number];

const home = fileURLToPath(new URL('.', import.meta.url));

/** Returns the command line that starts a fork server in a kind of host; null if that kind is not installed. */
export function hostCommand(kind: HostKind, python: string, options: ForkServerOptions): string[] | null {
  const server = [python, '-I', '-S', '-B', join(home, 'fork_server.py'), JSON.stringify(options)];
  if (kind === 'guard') return server;
  const bubblewrap = findOnPath('bwrap')[0];
  return bubblewrap === undefined ? null : [bubblewrap, ...bubblewrapFlags(python, options), ...server];
}

/** Options of a fork server. */
export interface ForkServerOptions {
  /** An empty directory that only this lane uses, in which programs start. */
  readonly directory: string;
  /** Protections to disable, so that a test can show that it detects their absence. */
  readonly switchedOff?: readonly string[];
  /** Packages to load before the first program; programs may read their folders. */
  readonly packages?: readonly SandboxPackage[];
}

function bubblewrapFlags(python: string, { directory, packages = [] }: ForkServerOptions): string[] {
  const prefix = dirname(dirname(realpathSync(python)));
  const trees = ['/lib', '/lib64', '/usr/lib', '/usr/lib64', '/usr/local/lib', join(prefix, 'lib')];
  const files = [python, realpathSync(python), home, ...packages.flatMap(({ folders }) => folders)];
  const binds = [...new Set([...trees, ...files])].filter((path) => existsSync(path));
  const isolation =
    '--unshare-all --die-with-parent --new-session --clearenv --cap-drop ALL --uid 65534 --gid 65534';
  const readable = binds.flatMap((path) => ['--ro-bind', path, path]);
  return [...isolation.split(' '), ...readable, '--proc', '/proc', '--dev', '/dev', '--dir', directory];
}

/**
 * Returns the Python interpreters on PATH, in order. Replaces the shim script of a version manager with its target.
 */
export function findPythons(): string[] {
  const found = [...findOnPath('python3'), '/usr/bin/python3', '/usr/local/bin/python3'].filter((path) =>
    existsSync(path),
  );
  const unwrapped = found.map((path) => (path.includes('/shims/') ? unwrapShim(path) : path));
  return [...new Set(unwrapped)].filter((path): path is string => path !== null);
}

function unwrapShim(shim: string): string | null {
  try {
    return execFileSync(shim, ['-c', 'import sys; print(sys.executable)'], {
      encoding: 'utf8',
      timeout: 10_000,
    }).trim();
  } catch {
    return null;
  }
}

function findOnPath(name: string): string[] {
  const directories = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory.startsWith('/'));
  return directories.map((directory) => join(directory, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
