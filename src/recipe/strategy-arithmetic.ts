import { isByVote, strategyName } from '../rollout/strategies/strategy-config.ts';
import { binRollouts, defaultBudgets, type SuiteConfig } from './suite.ts';

/** Upper bounds on the tokens per problem. */
export interface StrategyBounds {
  /** Tokens written, including rollouts that measure the bins. */
  readonly written: number;
  /** Tokens that the scorer reads, without prompts. */
  readonly scored: number;
}

/**
 * Returns upper bounds, per problem, on the tokens of all of a suite's strategies together. Independent answers are
 * drawn once, for the largest budget; a search runs once per budget.
 */
export function strategyBounds({ strategies = [], budgets: wanted, maxTokens }: SuiteConfig): StrategyBounds {
  const budgets: readonly number[] = wanted ?? defaultBudgets;
  const all = budgets.reduce((sum, budget) => sum + budget, 0);
  const answers = strategies.map((strategy) => ({
    count: 'width' in strategy ? all : Math.max(...budgets),
    isScored: !isByVote(strategy),
  }));
  const total = (some: typeof answers): number => some.reduce((sum, { count }) => sum + count, 0);
  return {
    written: maxTokens * (binRollouts + total(answers)),
    scored: maxTokens * total(answers.filter(({ isScored }) => isScored)),
  };
}

/**
 * Describes the upper bounds on the tokens of a suite's strategies in one line; returns an empty list if there are no
 * strategies.
 */
export function describeStrategies(suite: SuiteConfig, problems: number): string[] {
  const { name, strategies, scorer } = suite;
  if (strategies === undefined) return [];
  const { written, scored } = strategyBounds(suite);
  const figures = [written, scored].map(
    (tokens) => `≤ ${inMillions(tokens)} per problem = ≤ ${inMillions(tokens * problems)}`,
  );
  return [
    `suite ${name}, strategies ${strategies.map(strategyName).join(', ')} at N ${(suite.budgets ?? defaultBudgets).join(', ')}: tokens written ${figures[0]}` +
      (scored === 0
        ? ''
        : `; read by the scorer (${scorer?.type ?? 'none'}) ${figures[1]}, prompts not counted`),
  ];
}

const inMillions = (tokens: number): string =>
  `${(tokens / 1e6).toLocaleString('en', { maximumSignificantDigits: 3 })}M`;
