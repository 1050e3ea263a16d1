import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import type * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';
import { lastLine, placeWhenTimeWasUp } from '../../bridge/last-words.ts';
import { graceMs } from '../../bridge/line-process.ts';
import { harnessFile, loadedSchema, refusalSchema, type Setup } from './harness.ts';

/** A function, its file, and the interpreter to run it. */
export interface FunctionSpec {
  /** Absolute path of the file. */
  readonly file: string;
  readonly function: string;
  /** The interpreter: a name on PATH, or an absolute path. */
  readonly python: string;
  /** Wall-clock limit for loading the file and its imports. */
  readonly maxLoadMs: number;
}

/** A function as loaded. */
export interface LoadedFunction extends z.output<typeof loadedSchema> {
  /** The path with symbolic links resolved; paths in `sources` begin with its folder. */
  readonly file: string;
}

/**
 * Loads a file once in a short-lived process, to check it and to read the function's parameters.
 *
 * @throws ConfigError naming file and line if the file, interpreter or function is missing, or if loading fails.
 */
export function loadFunction(spec: FunctionSpec): LoadedFunction {
  const { python, maxLoadMs } = spec;
  if (!existsSync(spec.file))
    throw new ConfigError(
      `${spec.file}: expected a Python file, found no such file; paths are relative to the recipe`,
    );
  const file = realpathSync(spec.file);
  const setup: Setup = { file, function: spec.function, maxLoadSeconds: maxLoadMs / 1000, maxSeconds: 1 };
  const { pid, output, stderr, error }: Spawned = spawnSync(python, [harnessFile], {
    input: `${JSON.stringify(setup)}\n`,
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: maxLoadMs + graceMs,
    killSignal: 'SIGKILL',
    maxBuffer: Infinity,
  });
  const reply = parseReply(output?.[3] ?? '');
  if (reply.success) return { file, ...reply.data };
  const refusal = refusalSchema.safeParse(reply.value);
  if (refusal.success) throw refused(spec, refusal.data);
  throw pid === 0 && error !== undefined ? notStarted(spec, error) : ended(spec, stderr, error);
}

const nameAnother =
  "pythonVerifier({ file, python: './.venv/bin/python' })   # an interpreter with the required packages";

type Spawned = SpawnSyncReturns<string> & { readonly error?: NodeJS.ErrnoException };

/** Parses a reply; returns undefined if it is incomplete, as left by a killed process. */
function parseReply(line: string) {
  const value: unknown = line.endsWith('\n') ? JSON.parse(line) : undefined;
  return { ...loadedSchema.safeParse(value), value };
}

function notStarted({ file, python }: FunctionSpec, cause: NodeJS.ErrnoException): ConfigError {
  const why = cause.code === 'ENOENT' ? 'found no such file' : cause.message;
  return new ConfigError(`${file}: expected a Python interpreter at "${python}", ${why}`, {
    cause,
    tryNext: nameAnother,
  });
}

function ended(
  { file, python, maxLoadMs }: FunctionSpec,
  tail: string,
  cause?: NodeJS.ErrnoException,
): ConfigError {
  const place = placeWhenTimeWasUp(tail, harnessFile, realpathSync(file));
  const isLate = place !== undefined || cause?.code === 'ETIMEDOUT';
  const said = isLate
    ? `expected it to load within ${maxLoadMs} ms ("maxLoadTime"), but it was still at ${place ?? 'an unknown place'}`
    : `expected ${python} (3.9 or newer) to load it, but the process ended: ${lastLine(tail) || 'no output'}`;
  return new ConfigError(`${file}: ${said}`, { cause, tryNext: `${python} ${file}` });
}

function refused({ file, python }: FunctionSpec, { refused: why, at }: z.output<typeof refusalSchema>) {
  const isMissing = why.startsWith('ModuleNotFoundError');
  return new ConfigError(`${at.at(-1) ?? file}: cannot load this verifier file: ${why}`, {
    tryNext: isMissing ? nameAnother : `${python} ${file}`,
  });
}

/** Hashes the relative paths and contents of a function's file and its local imports. */
export function hashSources({ file, sources }: LoadedFunction): string {
  const hash = createHash('sha256');
  const named = Object.entries(sources).map(([path, text]) => [relative(dirname(file), path), text] as const);
  for (const [path, text] of named.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(path).update('\0').update(text).update('\0');
  return hash.digest('hex').slice(0, 16);
}
