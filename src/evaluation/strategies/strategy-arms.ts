import { answerOf, type Rollout } from '../../core/rollout.ts';
import {
  chanceCorrectOf,
  type Choice,
  combineScores,
  type ScoreRule,
  scoreRules,
  votedAnswer,
} from '../../rollout/strategies/choose-answer.ts';
import { isByVote, strategyName } from '../../rollout/strategies/strategy-config.ts';
import type { StrategyRun } from './run-strategies.ts';

/** One strategy with one choice rule, at one budget. JSON-safe. */
export interface Arm {
  /** E.g. `best-of-n avg-max`, `beam(4) last-vote`, `majority`. */
  readonly name: string;
  readonly choice: Choice;
  /** Budget N: number of answers. */
  readonly budget: number;
  /** Probability that the chosen answer is correct, per problem; null if the problem has no verdict. */
  readonly values: readonly (number | null)[];
  /** Mean tokens per problem. */
  readonly written: readonly number[];
  readonly scored: readonly number[];
}

/**
 * Returns the arms of a run at the given budgets. A search has one budget; independent answers also serve all smaller
 * budgets.
 */
export function armsOf(run: StrategyRun, budgets: readonly number[], lastStepOnly: boolean): Arm[] {
  const { strategy, budget, written, scored } = run;
  const rules: readonly ScoreRule[] = lastStepOnly ? ['last'] : scoreRules;
  const choices: { rule: ScoreRule; choice: Choice }[] = isByVote(strategy)
    ? [{ rule: 'last', choice: 'majority' }]
    : rules.flatMap((rule) => [
        { rule, choice: 'max' as const },
        { rule, choice: 'vote' as const },
      ]);
  const isSearch = 'width' in strategy;
  return choices.flatMap(({ rule, choice }) =>
    (isSearch ? [budget] : budgets).map((count): Arm => ({
      name: choice === 'majority' ? strategyName(strategy) : `${strategyName(strategy)} ${rule}-${choice}`,
      choice,
      budget: count,
      values: run.answers.map((answers) => valueOf(answers, rule, choice, isSearch ? Infinity : count)),
      written: written.map((tokens) => tokens * (count / budget)),
      scored: scored.map((tokens) => tokens * (count / budget)),
    })),
  );
}

/** Returns the expected result of choosing among `count` of the answers; null if there are no answers. */
function valueOf(answers: readonly Rollout[], rule: ScoreRule, choice: Choice, count: number): number | null {
  if (answers.length === 0) return null;
  const candidates = answers.map((rollout) => ({
    answer: votedAnswer(rollout.verdict, answerOf(rollout)),
    isCorrect: rollout.verdict.outcome === 'correct',
    score: combineScores(rollout.stepScores ?? [], rule),
  }));
  return chanceCorrectOf(candidates, choice, count);
}
