import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import type { Rollout } from '../../core/rollout.ts';
import { writtenTokens } from '../../core/rollout.ts';
import type { Engine } from '../../engines/engine.ts';
import { EnvironmentError } from '../../core/errors.ts';
import { openAsking } from '../../environments/asking.ts';
import type { CallTool, Environments } from '../../environments/environment.ts';
import type { SuiteConfig } from '../../recipe/suite.ts';
import { binRollouts, defaultBudgets, defaultSeparator } from '../../recipe/suite.ts';
import type { PendingWork } from '../../rollout/pending.ts';
import { judgeAttempt } from '../../rollout/roll-groups.ts';
import { independent } from '../../rollout/strategies/independent.ts';
import { type SearchRecord, stepSearch } from '../../rollout/strategies/step-search.ts';
import type { AttemptRequest, RolloutStrategy } from '../../rollout/strategies/strategy.ts';
import { turns } from '../../rollout/strategies/turns.ts';
import { searchShape, type StrategyConfig, strategyName } from '../../rollout/strategies/strategy-config.ts';
import type { StepScorer } from '../../verifiers/step-scorer.ts';
import type { Verifier } from '../../verifiers/verifier.ts';

/** Options of a comparison of strategies. */
export interface StrategyOptions {
  readonly engine: Pick<Engine, 'sampler' | 'renderer'>;
  readonly verifierFor: (problem: Problem) => Verifier;
  readonly problems: readonly Problem[];
  readonly suite: SuiteConfig;
  readonly seed: number;
  /** Environments of the problems. Problems with an environment are rejected unless the suite is `closedBook`. */
  readonly environments?: Environments | undefined;
  /** Scores steps; required by all strategies except `majority` and `asked`. Default: the scorer of the suite. */
  readonly scorer?: StepScorer | undefined;
  /** Folder against which relative paths in the suite's scorer are resolved. Default: the working directory. */
  readonly baseDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly pending?: PendingWork | undefined;
}

/** All judged answers of one strategy by problem, in the order of the problems. */
export interface StrategyRun {
  readonly strategy: StrategyConfig;
  /** Budget N: number of answers. Independent answers are drawn once, for the largest budget. */
  readonly budget: number;
  readonly answers: readonly (readonly Rollout[])[];
  /** Tokens written per problem, including pruned paths. */
  readonly written: readonly number[];
  /** Tokens read by the scorer, per problem. */
  readonly scored: readonly number[];
  /** Search tree of each problem; absent for strategies that write independent answers. */
  readonly searches?: readonly (SearchRecord | undefined)[];
}

/**
 * Measures the pass rate of each problem with random numbers that no strategy uses; null if a problem has no verdict.
 */
export async function measureBins(options: StrategyOptions): Promise<(number | null)[]> {
  const seed = hashKey(options.seed, 'bins of strategies');
  const request = { ...samplingOf(options), rollouts: binRollouts, seed };
  const groups = await rollJudged(options, independent, request);
  return options.problems.map(({ id }) => {
    const judged = judgedOf(groups.get(id) ?? []);
    const correct = judged.filter(({ verdict }) => verdict.outcome === 'correct').length;
    return judged.length === 0 ? null : correct / judged.length;
  });
}

/**
 * Runs each strategy at its budgets. The same branch has the same random numbers in all runs. `majority` and
 * `best-of-n` choose among the same answers, which are drawn once; only `best-of-n` pays for scores.
 */
export async function runStrategies(options: StrategyOptions): Promise<StrategyRun[]> {
  const { suite } = options;
  const strategies = suite.strategies ?? [];
  const budgets = (suite.budgets ?? defaultBudgets).toSorted((a, b) => a - b);
  const drawn = strategies.find(({ type }) => type === 'best-of-n');
  let pool: StrategyRun | undefined;
  const runs: StrategyRun[] = [];
  for (const strategy of strategies) {
    const wanted = 'width' in strategy ? budgets : budgets.slice(-1);
    for (const budget of wanted) {
      const isDrawn = drawn !== undefined && (strategy === drawn || strategy.type === 'majority');
      if (!isDrawn) {
        runs.push(await runStrategy(options, strategy, budget));
        continue;
      }
      pool ??= await runStrategy(options, drawn, budget);
      runs.push(strategy === drawn ? pool : { ...pool, strategy, scored: pool.scored.map(() => 0) });
    }
  }
  return runs;
}

async function runStrategy(
  options: StrategyOptions,
  strategy: StrategyConfig,
  budget: number,
): Promise<StrategyRun> {
  const { problems, scorer, suite } = options;
  const records = new Map<string, SearchRecord>();
  const search = {
    separator: suite.stepSeparator ?? defaultSeparator,
    ...('width' in strategy && { maxStepTokens: strategy.maxStepTokens }),
    onSearch: (record: SearchRecord) => void records.set(record.problemId, record),
  };
  const rolling = rollingOf();
  function rollingOf(): RolloutStrategy {
    if (strategy.type === 'asked') return turns(openAsking({ ...strategy, type: 'asking' }), noTools);
    if (strategy.type === 'majority' || scorer === undefined) return independent;
    return stepSearch((answers) => searchShape(strategy, answers), { ...search, scorer });
  }
  const request = { ...samplingOf(options), rollouts: budget };
  const end = options.pending?.begin(`strategy ${strategyName(strategy)} with N = ${budget}`);
  const groups = await rollJudged(options, rolling, request).finally(end);
  const answers = problems.map(({ id }) => groups.get(id) ?? []);
  const sumOf = (rollouts: readonly Rollout[]): number =>
    rollouts.reduce((sum, rollout) => sum + writtenTokens(rollout), 0);
  return {
    strategy,
    budget,
    answers: answers.map(judgedOf),
    written: problems.map(({ id }, place) => records.get(id)?.written ?? sumOf(answers[place]!)),
    scored: problems.map(({ id }) => records.get(id)?.scored ?? 0),
    ...('width' in strategy && { searches: problems.map(({ id }) => records.get(id)) }),
  };
}

/** Rejects every call, because `asked` strategies have no tools. */
const noTools: CallTool = () => Promise.reject(new EnvironmentError('asked() does not support tools'));

const samplingOf = ({ suite, seed }: StrategyOptions): Omit<AttemptRequest, 'rollouts'> => ({
  maxTokens: suite.maxTokens,
  temperature: suite.temperature,
  topP: suite.topP,
  seed,
});

const judgedOf = (rollouts: readonly Rollout[]): Rollout[] =>
  rollouts.filter(({ verdict }) => verdict.outcome !== 'ungradable');

/** Rolls out and judges attempts; returns one list per problem, in the order of the attempts' indices. */
async function rollJudged(
  { engine, verifierFor, problems, pending, signal }: StrategyOptions,
  strategy: RolloutStrategy,
  request: AttemptRequest,
): Promise<Map<string, Rollout[]>> {
  const judging: Promise<Rollout>[] = [];
  for await (const attempt of strategy.roll({ engine, pending }, problems, request, signal)) {
    const verdict = judgeAttempt({ verifierFor, pending }, attempt, signal);
    // Prevent an unhandled rejection: an abort may end this function before it awaits the verdict.
    verdict.catch(() => {});
    judging.push(verdict);
  }
  signal?.throwIfAborted();
  const rollouts = (await Promise.all(judging)).toSorted((a, b) => a.index - b.index);
  return Map.groupBy(rollouts, ({ problemId }) => problemId);
}
