/** What a verifier can say of an answer. */
export const outcomes = ['correct', 'incorrect', 'unparsed', 'timeout', 'ungradable'] as const;

/**
 * - `correct`: the answer is right;
 * - `incorrect`: an answer was found and is wrong (a partial score may still be above 0);
 * - `unparsed`: no answer was found in the completion;
 * - `timeout`: judging it exceeded its budget, through the answer's own fault;
 * - `ungradable`: nobody's answer could be judged (bad gold, broken infrastructure): never trained on, never counted as a trial.
 */
export type Outcome = (typeof outcomes)[number];

/**
 * A verifier's finding about one completion.
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
  /** One sentence a person can act on. */
  readonly reason: string;
  /** `name@version` of the verifier; part of the key under which pass rates are stored. */
  readonly verifier: string;
  /** JSON-safe facts behind the finding: extracted answer, normal forms, per-test results. */
  readonly evidence?: Readonly<Record<string, unknown>>;
}
