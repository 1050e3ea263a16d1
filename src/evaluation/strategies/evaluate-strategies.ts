import { ConfigError } from '../../core/errors.ts';
import { defaultBudgets } from '../../recipe/suite.ts';
import { withEnvironments } from '../../rollout/roll-groups.ts';
import { isByVote, searchShape, strategyName } from '../../rollout/strategies/strategy-config.ts';
import { openScorer } from '../../scorers/open-scorer.ts';
import { measureBins, runStrategies, type StrategyOptions } from './run-strategies.ts';
import { reportStrategies, type StrategyReport } from './strategy-report.ts';

/**
 * Compares accuracy and tokens of a suite's strategies, by bin of measured pass rates, with paired intervals.
 *
 * @throws ConfigError if a strategy lacks a scorer or its budget is not a multiple of its width.
 */
export async function evaluateStrategies(given: StrategyOptions): Promise<StrategyReport> {
  const { suite, problems, seed } = given;
  const inTurns = withEnvironments(given, suite).environments;
  const played = problems.find((problem) => inTurns?.of(problem) !== undefined);
  if (played !== undefined)
    throw new ConfigError(
      `suite ${suite.name}: strategies write answers in one turn, but an environment answers problem ${played.id}; set "closedBook: true"`,
    );
  const budgets = (suite.budgets ?? defaultBudgets).toSorted((a, b) => a - b);
  for (const strategy of suite.strategies ?? []) {
    if (!isByVote(strategy) && given.scorer === undefined && suite.scorer === undefined)
      throw new ConfigError(
        `suite ${suite.name}: ${strategyName(strategy)} chooses by scores: expected "scorer", got none`,
        { tryNext: 'add scorer: verifierScorer() to the suite, the upper bound of all scorers' },
      );
    for (const budget of budgets) searchShape(strategy, budget);
  }
  await using opened = new AsyncDisposableStack();
  const parts = { ...given, renderer: given.engine.renderer };
  const scorer =
    given.scorer ?? (suite.scorer === undefined ? undefined : await openScorer(suite.scorer, parts, opened));
  const options = { ...given, scorer };
  const passRates = await measureBins(options);
  const runs = await runStrategies(options);
  return reportStrategies({ runs, budgets, passRates, problems, scorer, seed });
}
