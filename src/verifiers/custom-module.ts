import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import * as z from 'zod';
import { ConfigError, VerifierError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { outcomes, type Verdict } from '../core/verdict.ts';

/** What a user's own module judges with: the default export, or what the function that is the default export returns. */
export interface CustomJudge {
  /** Default: the file's name. */
  readonly name?: string;
  /** Put before the hash of the module. */
  readonly version?: string;
  /** Throws when nobody's answer to this problem could be judged. */
  check?(problem: Problem): void;
  /** `score` is 1 for `correct` and 0 for the rest where it is not given. */
  verify(problem: Problem, completion: string, signal?: AbortSignal): CustomVerdict | Promise<CustomVerdict>;
  [Symbol.asyncDispose]?(): PromiseLike<void>;
}

/** A verdict without what Gradus knows better. */
export type CustomVerdict = Pick<Verdict, 'outcome' | 'reason' | 'evidence'> & { readonly score?: number };

const customJudge = z.custom<CustomJudge>(
  (value) =>
    typeof value === 'object' && value !== null && typeof (value as CustomJudge).verify === 'function',
);

/**
 * Loads a user's module and makes its judge.
 *
 * @throws ConfigError when there is no such file, it cannot be loaded, or its default export is no verifier.
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
      `${file}: expected a verifier's module, found nothing there; paths start at the recipe`,
    );
  }
  try {
    return (createRequire(import.meta.url)(file) as { default?: unknown }).default;
  } catch (cause) {
    const isAsync = (cause as NodeJS.ErrnoException).code === 'ERR_REQUIRE_ASYNC_MODULE';
    const why = isAsync ? 'it awaits at its top level; do that inside "verify"' : String(cause);
    throw new ConfigError(`${file}: this verifier's module cannot be loaded: ${why}`, { cause });
  }
}

const verdictShape = z.object({
  outcome: z.enum(outcomes),
  score: z.number().min(0).max(1).optional(),
  reason: z.string().default(''),
  evidence: z.record(z.string(), z.unknown()).optional(),
});

/** What a user's judge said, made into a verdict. @throws VerifierError when it is none. */
export function readVerdict(said: unknown, label: string): Verdict {
  const read = verdictShape.safeParse(said);
  if (!read.success)
    throw new VerifierError(
      `${label}: expected a verdict, got another thing:\n${z.prettifyError(read.error)}`,
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

/** The hash of a module and of every local file it imports, so that a verdict's label changes with any of them. */
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
