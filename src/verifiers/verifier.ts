import type { Problem } from '../core/problem.ts';
import type { Transcript } from '../core/transcript.ts';
import type { Verdict } from '../core/verdict.ts';

/**
 * Decides whether a completion solves a problem. A wrong answer is a verdict; a failing verifier is a `VerifierError`.
 *
 * @example
 * await using verifier = openVerifier(verifierConfig.parse(mathAnswer()));
 * const verdict = await verifier.verify(problem, 'so x is \\boxed{5}');
 */
export interface Verifier extends AsyncDisposable {
  readonly name: string;
  /** Must change whenever any verdict could change, because stored pass rates are keyed by `name@version`. */
  readonly version: string;
  /** Throws a `DataError` naming the problem if no answer to it can be judged (missing or unreadable gold). */
  check(problem: Problem): void;
  /**
   * Judges the policy's last turn. For an attempt with several turns, `attempt` also gives the entire transcript, with
   * the environment's text and the calls.
   */
  verify(problem: Problem, completion: string, signal?: AbortSignal, attempt?: Transcript): Promise<Verdict>;
  /**
   * Describes the environment on this machine, e.g. the chosen sandbox and the reason; recorded in the run. JSON-safe.
   */
  environment?(): Promise<unknown>;
}

/** Builds `name@version`, the label of a verifier in verdicts and stored pass rates. */
export const verifierLabel = ({ name, version }: Pick<Verifier, 'name' | 'version'>): string =>
  `${name}@${version}`;
