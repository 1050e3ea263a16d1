import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { Verdict } from '../core/verdict.ts';
import { normaliseAnswer, sameAnswer } from './exact-number.ts';
import { lastBoxed } from './extract-answer.ts';
import type { Verifier } from './verifier.ts';

/** Compares the last `\boxed{…}` with the gold answer: exact numbers, else texts. */
export const boxedMathConfig = z.strictObject({ type: z.literal('boxed-math') });

/** Recipe noun for answers in `\boxed{…}`. */
export const boxedMath = (): z.input<typeof boxedMathConfig> => ({ type: 'boxed-math' });

const name = 'boxed-math';
const version = '1';

/** A verifier without resources; any number may be open. */
export function openBoxedMath(): Verifier {
  return {
    name,
    version,
    check: checkGold,
    verify: async (problem, completion) => judge(goldOf(problem), completion),
    [Symbol.asyncDispose]: async () => {},
  };
}

function judge(gold: string, completion: string): Verdict {
  const verifier = `${name}@${version}`;
  const boxed = lastBoxed(completion);
  if (boxed === undefined || normaliseAnswer(boxed.text) === '')
    return {
      outcome: 'unparsed',
      score: 0,
      reason: 'no closed \\boxed{…} with an answer',
      verifier,
      evidence: { gold },
    };
  const extracted = boxed.text.slice(0, 200);
  const evidence = { extracted, gold, span: [boxed.start, boxed.end] };
  return sameAnswer(boxed.text, gold)
    ? { outcome: 'correct', score: 1, reason: `${extracted} is ${gold}`, verifier, evidence }
    : { outcome: 'incorrect', score: 0, reason: `${extracted} is not ${gold}`, verifier, evidence };
}

function goldOf(problem: Problem): string {
  if (problem.answer !== undefined && normaliseAnswer(problem.answer) !== '') return problem.answer;
  throw new DataError(
    `problem ${problem.id} (${problem.source}): expected a gold answer, got ${JSON.stringify(problem.answer) ?? 'none'}`,
  );
}

/** A gold answer that is wrong even when it is written in a box as it stands can never be found right. */
function checkGold(problem: Problem): void {
  const gold = goldOf(problem);
  if (judge(gold, `\\boxed{${gold}}`).outcome === 'correct') return;
  throw new DataError(
    `problem ${problem.id} (${problem.source}): expected a gold answer that can stand in \\boxed{…}, got ${JSON.stringify(gold)}; ` +
      'check its braces, and leave out a \\boxed{} of its own',
  );
}
