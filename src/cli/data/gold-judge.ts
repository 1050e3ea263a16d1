import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { SameAnswer } from '../../problems/hygiene/golds.ts';
import type { Finding } from '../../problems/hygiene/report.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../../verifiers/math/verifier.ts';

/** What the verifiers know of golds, for commands on data: which problems know nothing of verifiers. */
export interface GoldJudge extends AsyncDisposable {
  /** Whether two golds of math are the same answer. */
  readonly sameAnswer: SameAnswer;
  /** A gold that no answer could ever be compared with. */
  readonly findUnreadable: (problem: Problem) => Finding | undefined;
}

/** Opens the math verifier as a judge of golds. */
export function openGoldJudge(): GoldJudge {
  const verifier = openMathAnswer(mathConfig.parse(mathAnswer()));
  return {
    async sameAnswer(gold, other) {
      const problem: Problem = { id: gold, domain: 'math', prompt: [], answer: gold, source: 'gold' };
      return (await verifier.verify(problem, `\\boxed{${other}}`)).outcome === 'correct';
    },
    findUnreadable(problem) {
      if (problem.domain !== 'math' || problem.answer === undefined) return undefined;
      try {
        verifier.check(problem);
        return undefined;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        // The message begins with the problem, which the finding names already.
        const explanation = error.message.replace(/^problem .*?\): /, '');
        return { id: problem.id, reason: 'unreadable gold', explanation, evidence: { gold: problem.answer } };
      }
    },
    [Symbol.asyncDispose]: () => verifier[Symbol.asyncDispose](),
  };
}
