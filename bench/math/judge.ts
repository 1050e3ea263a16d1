import type { Verdict } from '../../src/core/verdict.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../../src/verifiers/math/verifier.ts';

/** The policy of one judgement, as a recipe would write it. */
export type Policy = Parameters<typeof mathAnswer>[0];

/** One judgement through the same door the training loop uses. */
export type Judge = (gold: string, completion: string) => Promise<Verdict>;

/** A judge under a policy; the documented defaults when there is none. */
export function judgeUnder(policy: Policy = {}): Judge {
  const verifier = openMathAnswer(mathConfig.parse(mathAnswer(policy)));
  return (answer, completion) =>
    verifier.verify({ id: 'bench', domain: 'math', prompt: [], answer, source: 'bench' }, completion);
}

/** Puts an answer where a model puts it. */
export function boxed(answer: string): string {
  return `The answer is $\\boxed{${answer.endsWith('\\') ? `${answer} ` : answer}}$.`;
}

/** The value below which `fraction` of the sorted numbers lie. */
export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
