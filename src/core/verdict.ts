/** All outcomes of a verification. */
export const outcomes = ['correct', 'incorrect', 'unparsed', 'timeout', 'ungradable'] as const;

/**
 * - `correct`: the answer is correct;
 * - `incorrect`: an answer was found and is wrong (a partial score may still be above 0);
 * - `unparsed`: no answer was found in the completion;
 * - `timeout`: verifying the answer exceeded its budget;
 * - `ungradable`: the answer could not be judged (invalid gold answer, broken infrastructure). Never trained on, never
 * counted as a trial.
 */
export type Outcome = (typeof outcomes)[number];

/**
 * Result of verifying one completion.
 *
 * @example
 * const verdict: Verdict = {
 *   outcome: 'incorrect', score: 0, reason: '18 is not 20', verifier: 'math@1', evidence: { extracted: '18', gold: '20' },
 * };
 */
export interface Verdict {
  readonly outcome: Outcome;
  /** Quality in [0, 1]: 1 for `correct`; the fraction of tests passed for programs; a composite's weighted mean. */
  readonly score: number;
  /** One sentence that explains the outcome. */
  readonly reason: string;
  /** `name@version` of the verifier; part of the key under which pass rates are stored. */
  readonly verifier: string;
  /** JSON-safe facts behind the outcome: extracted answer, normal forms, per-test results. */
  readonly evidence?: Readonly<Record<string, unknown>>;
}

/** Returns the scores of the named parts of a composite's verdict. */
export function partScores({ evidence }: Pick<Verdict, 'evidence'>): ReadonlyMap<string, number> {
  const parts: unknown = evidence?.['parts'];
  const scores = new Map<string, number>();
  for (const part of Array.isArray(parts) ? (parts as unknown[]) : []) {
    const { name, score } = (part ?? {}) as { readonly name?: unknown; readonly score?: unknown };
    if (typeof name === 'string' && typeof score === 'number') scores.set(name, score);
  }
  return scores;
}
