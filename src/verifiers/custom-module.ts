import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import * as z from 'zod';
import { ConfigError, VerifierError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { outcomes, type Verdict } from '../core/verdict.ts';

/** A custom verifier: the default export of a user's module, or the return value of its default function. */
export interface CustomJudge {
  /** Default: the file's name. */
  readonly name?: string;
  /** Prefix of the version, before the hash of the module. */
  readonly version?: string;
  /** Throws when no answer to this problem could be judged. */
  check?(problem: Problem): void;
  /** Default of `score`: 1 for `correct`, 0 otherwise. */
  verify(problem: Problem, completion: string, signal?: AbortSignal): CustomVerdict | Promise<CustomVerdict>;
  [Symbol.asyncDispose]?(): PromiseLike<void>;
}

/** A verdict without the fields that Gradus fills in. */
export type CustomVerdict = Pick<Verdict, 'outcome' | 'reason' | 'evidence'> & { readonly score?: number };

const customJudge = z.custom<CustomJudge>(
  (value) =>
    typeof value === 'object' && value !== null && typeof (value as CustomJudge).verify === 'function',
);

/**
 * Loads a user's module and creates its verifier.
 *
 * @throws ConfigError when the file is missing, cannot be loaded, or its default export is not a verifier.
 */
export function loadJudge(file: string, options: Readonly<Record<string, unknown>>): CustomJudge {
  const found = importDefault(file);
  const made: unknown = typeof found === 'function' ? (found as (given: unknown) => unknown)(options) : found;
  const judge = customJudge.safeParse(made);
  if (judge.success) return judge.data;
  throw new ConfigError(
    `${file}: expected the default export to be a verifier (an object with a "verify" function), or a function that ` +
      `returns one, got ${made === null ? 'null' : typeof made}`,
  );
}

function importDefault(file: string): unknown {
  if (!existsSync(file)) {
    throw new ConfigError(
      `${file}: expected a verifier module, found no such file; paths are relative to the recipe`,
    );
  }
  try {
    return (createRequire(import.meta.url)(file) as { default?: unknown }).default;
  } catch (cause) {
    const isAsync = (cause as NodeJS.ErrnoException).code === 'ERR_REQUIRE_ASYNC_MODULE';
    const why = isAsync ? 'it awaits at its top level; do that inside "verify"' : String(cause);
    throw new ConfigError(`${file}: cannot load this verifier module: ${why}`, { cause });
  }
}

const verdictShape = z.object({
  outcome: z.enum(outcomes),
  score: z.number().min(0).max(1).optional(),
  reason: z.string().default(''),
  evidence: z.record(z.string(), z.unknown()).optional(),
});

/** Converts the result of a custom verifier to a verdict. @throws VerifierError when it is invalid. */
export function readVerdict(said: unknown, label: string): Verdict {
  const read = verdictShape.safeParse(said);
  if (!read.success)
    throw new VerifierError(
      `${label}: expected a verdict, got an invalid value:\n${z.prettifyError(read.error)}`,
    );
  const { outcome, score, reason, evidence } = read.data;
  return {
    outcome,
    score: score ?? (outcome === 'correct' ? 1 : 0),
    reason,
    verifier: label,
    ...(evidence !== undefined && { evidence }),
  };
}

const relativeImport = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/** Hashes a module and every local file it imports, so that a verdict's label changes with any of them. */
export function hashModule(file: string): string {
  const hash = createHash('sha256');
  const seen = new Set<string>();
  const read = (path: string): void => {
    if (seen.has(path) || !existsSync(path)) return;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    hash.update(text).update('\0');
    if (!/^\.[cm]?[jt]s$/.test(extname(path))) return;
    for (const [, imported] of text.matchAll(relativeImport)) read(resolve(dirname(path), imported!));
  };
  read(file);
  return hash.digest('hex').slice(0, 16);
}
