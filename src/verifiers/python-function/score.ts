import { VerifierError } from '../../core/errors.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { Said } from './harness.ts';

/** How a function's scores are interpreted; see `pythonFunctionConfig`. */
export interface ScoreRule {
  readonly function: string;
  readonly scores: readonly [worst: number, best: number];
  readonly correctFrom?: number | undefined;
}

/**
 * Converts a score to a verdict: scaled to 0 … 1, with all other details as evidence. verl's `pred` is the extracted
 * answer and votes in `maj@k`.
 *
 * @throws VerifierError if the score is outside the configured range.
 */
export function findingOf({ score, details }: Said, rule: ScoreRule): Omit<Verdict, 'verifier'> {
  const { pred } = details;
  const evidence = { ...(typeof pred === 'string' && { extracted: pred }), ...details };
  const withEvidence = Object.keys(evidence).length > 0 && { evidence };
  if (score === null)
    return {
      outcome: 'ungradable',
      score: 0,
      reason: `${rule.function} returned no score (None or NaN)`,
      ...withEvidence,
    };
  const [worst, best] = rule.scores;
  if (score < worst || score > best)
    throw new VerifierError(
      `expected ${rule.function} to return a score in [${worst}, ${best}], got ${score}; ` +
        `set the worst and best score, e.g. scores: [${Math.min(score, worst)}, ${Math.max(score, best)}]`,
    );
  return {
    outcome: isCorrect(score, details['acc'], rule) ? 'correct' : 'incorrect',
    score: (score - worst) / (best - worst),
    reason: `${rule.function} returned ${score}`,
    ...withEvidence,
  };
}

/**
 * Returns whether a score counts as correct. Without `correctFrom`, uses `acc` in a dict, which verl's validation
 * counts.
 */
function isCorrect(score: number, acc: unknown, { scores: [, best], correctFrom }: ScoreRule): boolean {
  if (correctFrom !== undefined) return score >= correctFrom;
  if (typeof acc === 'boolean') return acc;
  return typeof acc === 'number' ? acc >= 1 : score >= best;
}
