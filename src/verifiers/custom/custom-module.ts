import * as z from 'zod';
import { ConfigError, VerifierError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { importDefault } from '../../core/user-module.ts';
import { outcomes, type Verdict } from '../../core/verdict.ts';

/** A custom verifier: the default export of a user's module, or the return value of its default function. */
export interface CustomJudge {
  /** Name of the verifier. Default: the name of the file. */
  readonly name?: string;
  /** Prefix of the version, before the hash of the module. */
  readonly version?: string;
  /** Throws if answers to this problem cannot be judged. */
  check?(problem: Problem): void;
  /** Judges a completion. The default score is 1 for `correct` and 0 otherwise. */
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
 * @throws ConfigError if the file is missing or cannot be loaded, or if its default export is not a verifier.
 */
export function loadJudge(file: string, options: Readonly<Record<string, unknown>>): CustomJudge {
  const found = importDefault(file, 'verifier');
  const made: unknown = typeof found === 'function' ? (found as (given: unknown) => unknown)(options) : found;
  const judge = customJudge.safeParse(made);
  if (judge.success) return judge.data;
  throw new ConfigError(
    `${file}: expected the default export to be a verifier (an object with a "verify" function), or a function that ` +
      `returns one, got ${made === null ? 'null' : typeof made}`,
  );
}

const verdictShape = z.object({
  outcome: z.enum(outcomes),
  score: z.number().min(0).max(1).optional(),
  reason: z.string().default(''),
  evidence: z.record(z.string(), z.unknown()).optional(),
});

/** Converts the result of a custom verifier to a verdict. @throws VerifierError if the result is invalid. */
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
