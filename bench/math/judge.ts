import type { Verdict } from '../../src/core/verdict.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../../src/verifiers/math/verifier.ts';

/** Policy of one judgement, in the format of a recipe. */
export type Policy = Parameters<typeof mathAnswer>[0];

/** One judgement through the interface that training uses. */
export type Judge = (gold: string, completion: string) => Promise<Verdict>;

/** Creates a judge for a policy; default: the documented defaults. */
export function judgeUnder(policy: Policy = {}): Judge {
  const verifier = openMathAnswer(mathConfig.parse(mathAnswer(policy)));
  return (answer, completion) =>
    verifier.verify({ id: 'bench', domain: 'math', prompt: [], answer, source: 'bench' }, completion);
}

/** Wraps an answer as a model would. */
export function boxed(answer: string): string {
  return `The answer is $\\boxed{${answer.endsWith('\\') ? `${answer} ` : answer}}$.`;
}

/** Returns the quantile `fraction` of the sorted numbers. */
export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
