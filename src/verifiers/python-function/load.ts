import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';

/** The program that a process runs; see its first lines for what it is told and says. */
export const harnessFile = fileURLToPath(new URL('harness.py', import.meta.url));

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

/** Something the harness would not load, with the places in the user's files, innermost last. */
export const refusalSchema = z.object({ refused: z.string(), at: z.array(z.string()) });

const loadedSchema = z.object({
  /** Of Python. */
  version: z.string(),
  interpreter: z.string(),
  parameters: z.array(z.object({ name: z.string(), isRequired: z.boolean() })),
  takesAny: z.boolean(),
  /** Path → base64 of the file and of the local ones that it imports. */
  sources: z.record(z.string(), z.string()),
});

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
  const { output, stderr, error } = spawnSync(python, [harnessFile], {
    input: `${JSON.stringify({ file, function: spec.function, maxSeconds: 1 })}\n`,
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: maxLoadMs,
    killSignal: 'SIGKILL',
    maxBuffer: Infinity,
  });
  const reply = parseReply(output?.[3] ?? '');
  if (reply.success) return { file, ...reply.data };
  if (error !== undefined) throw notStarted(spec, error);
  const refusal = refusalSchema.safeParse(reply.value);
  if (refusal.success) throw refused(spec, refusal.data);
  const said = stderr.trim().split('\n').at(-1) || 'nothing was said';
  throw new ConfigError(`${file}: expected ${python} (3.9 or newer) to load it, it ended: ${said}`, {
    tryNext: `${python} ${file}`,
  });
}

/** A process that was ended leaves half a line. */
function parseReply(line: string) {
  const value: unknown = line.endsWith('\n') ? JSON.parse(line) : undefined;
  return { ...loadedSchema.safeParse(value), value };
}

function notStarted({ file, python, maxLoadMs }: FunctionSpec, cause: NodeJS.ErrnoException): ConfigError {
  if (cause.code === 'ETIMEDOUT')
    return new ConfigError(
      `${file}: expected it to load within ${maxLoadMs} ms ("maxLoadTime"), it took longer`,
      {
        cause,
        tryNext: `${python} ${file}`,
      },
    );
  const why = cause.code === 'ENOENT' ? 'found nothing there' : cause.message;
  return new ConfigError(`${file}: expected a Python interpreter at "${python}", ${why}`, {
    cause,
    tryNext: "name one in the recipe, e.g. pythonVerifier({ file, python: '/usr/bin/python3' })",
  });
}

function refused({ file, python }: FunctionSpec, { refused: why, at }: z.output<typeof refusalSchema>) {
  const [, missing] = /^ModuleNotFoundError: No module named '([^'.]+)/.exec(why) ?? [];
  return new ConfigError(`${at.at(-1) ?? file}: this verifier's file cannot be used: ${why}`, {
    tryNext: missing === undefined ? `${python} ${file}` : `${python} -m pip install ${missing}`,
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
