import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { SameAnswer } from '../../problems/hygiene/golds.ts';
import type { Finding } from '../../problems/hygiene/report.ts';
import { guessedReading } from '../../verifiers/math/gold.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../../verifiers/math/verifier.ts';

/** Compares and checks gold answers with the math verifier, for the `data` commands. */
export interface GoldJudge extends AsyncDisposable {
  /** Decides whether two math golds are equal. */
  readonly sameAnswer: SameAnswer;
  /** Finds golds that the math verifier cannot read. */
  readonly findUnreadable: (problem: Problem) => Finding | undefined;
  /** Reports a gold answer that has several possible readings; the problem is kept but needs review. */
  readonly findGuessed: (problem: Problem) => Finding | undefined;
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
        // The finding already names the problem.
        const explanation = error.message.replace(/^problem .*?\): /, '');
        return { id: problem.id, reason: 'unreadable gold', explanation, evidence: { gold: problem.answer } };
      }
    },
    findGuessed({ id, domain, answer }) {
      const guess = domain === 'math' && answer !== undefined ? guessedReading(answer) : undefined;
      if (guess === undefined) return undefined;
      const explanation = `gold ${JSON.stringify(answer)} is read as ${guess}`;
      return { id, reason: 'ambiguous gold', explanation, evidence: { gold: answer } };
    },
    [Symbol.asyncDispose]: () => verifier[Symbol.asyncDispose](),
  };
}
