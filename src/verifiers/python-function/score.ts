import { VerifierError } from '../../core/errors.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { Said } from './harness.ts';

/** What a function's scores mean; see `pythonFunctionConfig`. */
export interface ScoreRule {
  readonly function: string;
  readonly scores: readonly [worst: number, best: number];
  readonly correctFrom?: number | undefined;
}

/**
 * A score as a finding: scaled to 0 … 1, with all else the function told as evidence. verl's `pred` is the answer that
 * was found, by which `maj@k` votes.
 *
 * @throws VerifierError when the score lies outside the range that was stated.
 */
export function findingOf({ score, details }: Said, rule: ScoreRule): Omit<Verdict, 'verifier'> {
  const { pred } = details;
  const evidence = { ...(typeof pred === 'string' && { extracted: pred }), ...details };
  const withEvidence = Object.keys(evidence).length > 0 && { evidence };
  if (score === null)
    return {
      outcome: 'ungradable',
      score: 0,
      reason: `${rule.function} gave no score (None or NaN)`,
      ...withEvidence,
    };
  const [worst, best] = rule.scores;
  if (score < worst || score > best)
    throw new VerifierError(
      `expected ${rule.function} to give a score in [${worst}, ${best}], got ${score}; ` +
        `say its worst and best one, e.g. scores: [${Math.min(score, worst)}, ${Math.max(score, best)}]`,
    );
  return {
    outcome: isCorrect(score, details['acc'], rule) ? 'correct' : 'incorrect',
    score: (score - worst) / (best - worst),
    reason: `${rule.function} gave ${score}`,
    ...withEvidence,
  };
}

/** `acc` is what verl's validation counts where a dict has it. */
function isCorrect(score: number, acc: unknown, { scores: [, best], correctFrom }: ScoreRule): boolean {
  if (correctFrom !== undefined) return score >= correctFrom;
  if (typeof acc === 'boolean') return acc;
  return typeof acc === 'number' ? acc >= 1 : score >= best;
}
