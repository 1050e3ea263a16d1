import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import type * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';
import { graceMs, harnessFile, loadedSchema, refusalSchema, type Setup } from './harness.ts';
import { lastLine, placeWhenTimeWasUp } from './last-words.ts';

/** Which function of which file, and what runs it. */
export interface FunctionSpec {
  /** Absolute. */
  readonly file: string;
  readonly function: string;
  /** A name on PATH, or an absolute path. */
  readonly python: string;
  /** For the file with all that it imports, by the clock. */
  readonly maxLoadMs: number;
}

/** A function as it was when it was loaded. */
export interface LoadedFunction extends z.output<typeof loadedSchema> {
  /** Without links: paths of `sources` begin with its folder. */
  readonly file: string;
}

/**
 * Loads a file once, in a process of its own that ends at once, to learn that it can be and what its function takes.
 *
 * @throws ConfigError naming file and line when there is no such file, interpreter or function, or loading it fails.
 */
export function loadFunction(spec: FunctionSpec): LoadedFunction {
  const { python, maxLoadMs } = spec;
  if (!existsSync(spec.file))
    throw new ConfigError(
      `${spec.file}: expected a Python file, found nothing there; paths start at the recipe`,
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
  "pythonVerifier({ file, python: './.venv/bin/python' })   # the interpreter that has what it needs";

type Spawned = SpawnSyncReturns<string> & { readonly error?: NodeJS.ErrnoException };

/** A process that was ended leaves half a line. */
function parseReply(line: string) {
  const value: unknown = line.endsWith('\n') ? JSON.parse(line) : undefined;
  return { ...loadedSchema.safeParse(value), value };
}

function notStarted({ file, python }: FunctionSpec, cause: NodeJS.ErrnoException): ConfigError {
  const why = cause.code === 'ENOENT' ? 'found nothing there' : cause.message;
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
  const place = placeWhenTimeWasUp(tail, realpathSync(file));
  const isLate = place !== undefined || cause?.code === 'ETIMEDOUT';
  const said = isLate
    ? `expected it to load within ${maxLoadMs} ms ("maxLoadTime"), it was at ${place ?? 'nobody knows where'} then`
    : `expected ${python} (3.9 or newer) to load it, it ended: ${lastLine(tail) || 'nothing was said'}`;
  return new ConfigError(`${file}: ${said}`, { cause, tryNext: `${python} ${file}` });
}

function refused({ file, python }: FunctionSpec, { refused: why, at }: z.output<typeof refusalSchema>) {
  const isMissing = why.startsWith('ModuleNotFoundError');
  return new ConfigError(`${at.at(-1) ?? file}: this verifier's file cannot be used: ${why}`, {
    tryNext: isMissing ? nameAnother : `${python} ${file}`,
  });
}

/** A hash of a function's file and of the local ones that it imports: their places beside it, and what is in them. */
export function hashSources({ file, sources }: LoadedFunction): string {
  const hash = createHash('sha256');
  const named = Object.entries(sources).map(([path, text]) => [relative(dirname(file), path), text] as const);
  for (const [path, text] of named.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(path).update('\0').update(text).update('\0');
  return hash.digest('hex').slice(0, 16);
}
