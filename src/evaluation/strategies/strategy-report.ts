import type { Problem } from '../../core/problem.ts';
import { differenceEstimate, type Estimate, rateEstimate } from '../../statistics/intervals.ts';
import { mean } from '../../statistics/summary.ts';
import type { StepScorer } from '../../verifiers/step-scorer.ts';
import { passAtK } from '../estimators.ts';
import { type Bin, binOf, bins } from '../../difficulty/bins.ts';
import { type BinnedProblem, chooseByBin, type Chosen } from './choose-by-bin.ts';
import type { StrategyRun } from './run-strategies.ts';
import { type SearchTree, searchTrees } from './search-trees.ts';
import { type Arm, armsOf } from './strategy-arms.ts';
import { strategyWarnings } from './strategy-warnings.ts';

/** Accuracy of one arm with 95 % intervals over problems. */
export interface ArmResult extends Pick<Arm, 'name' | 'choice' | 'budget'> {
  readonly accuracy: Estimate;
  /** Accuracy by bin, without empty bins. */
  readonly byBin: Readonly<Partial<Record<Bin, Estimate>>>;
  /** Mean tokens written per problem by bin, without empty bins. */
  readonly writtenByBin: Readonly<Partial<Record<Bin, number>>>;
  /** Mean tokens scored per problem by bin, without empty bins. */
  readonly scoredByBin: Readonly<Partial<Record<Bin, number>>>;
  /** Mean tokens per problem. */
  readonly written: number;
  readonly scored: number;
  /** Difference from `majority` at the same budget, paired by problem; absent if there is no such arm. */
  readonly overMajority?: Estimate;
  /** Values in the order of `problems`. */
  readonly values: readonly number[];
}

/** Out-of-sample results of the policy that chooses a strategy for each bin. */
export interface ChosenResult {
  readonly budget: number;
  /** For each half, the arm used in each bin (`policies`) and the best single arm (`fixed`). */
  readonly policies: Chosen['policies'];
  readonly fixed: Chosen['fixed'];
  readonly accuracy: Estimate;
  /** Accuracy and mean tokens of the bins that have problems. */
  readonly byBin: Readonly<Partial<Record<Bin, Estimate>>>;
  readonly tokensByBin: Readonly<Partial<Record<Bin, number>>>;
  /** Mean tokens per problem, written and scored. */
  readonly tokens: number;
  readonly fixedTokens: number;
  /** Difference from the best single arm, which is chosen and judged in the same way. */
  readonly overFixed: Estimate;
}

/** Strategies compared on one suite. JSON-safe. */
export interface StrategyReport {
  /** Name of the step scorer; absent if there is none. */
  readonly scorer?: string;
  /** Number of problems per bin; bins are measured with random numbers that no arm uses. */
  readonly bins: Readonly<Record<Bin, number>>;
  /** Ids of the problems with a verdict in every strategy, in the order of `values`. */
  readonly problems: readonly string[];
  readonly problemBins: readonly Bin[];
  readonly arms: readonly ArmResult[];
  /** Share of problems with a correct answer among N, by budget N: the accuracy of a perfect choice. */
  readonly oracle: Readonly<Record<number, number>>;
  /** Accuracy of a single answer. */
  readonly single: number;
  /** One per budget; empty for fewer than 4 problems. */
  readonly chosen: readonly ChosenResult[];
  /** Searches of a few problems per bin; empty if neither `beam` nor `dvts` is used. */
  readonly trees: readonly SearchTree[];
  readonly warnings: readonly string[];
}

/** Strategy runs, with the data needed to interpret them. */
export interface StrategyResults {
  readonly runs: readonly StrategyRun[];
  /** Budgets in ascending order. */
  readonly budgets: readonly number[];
  /** Measured pass rate per problem; null if the problem has no verdict. */
  readonly passRates: readonly (number | null)[];
  readonly problems: readonly Problem[];
  readonly scorer?: StepScorer | undefined;
  readonly seed: number;
}

/** Builds the report of strategies over the problems that have a verdict in every run. */
export function reportStrategies(results: StrategyResults): StrategyReport {
  const { runs, budgets, passRates, problems, scorer, seed } = results;
  const arms = runs.flatMap((run) => armsOf(run, budgets, scorer?.lastStepOnly === true));
  const judged = problems.flatMap(({ id }, place): BinnedProblem[] => {
    const rate = passRates[place]!;
    const isJudged = rate !== null && runs.every(({ answers }) => answers[place]!.length > 0);
    return isJudged ? [{ place, id, bin: binOf(rate) }] : [];
  });
  const majorities = new Map(arms.flatMap((arm) => (arm.name === 'majority' ? [[arm.budget, arm]] : [])));
  const pool =
    runs.findLast(({ strategy }) => !('width' in strategy) && strategy.type !== 'asked') ?? runs.at(-1);
  return {
    ...(scorer !== undefined && { scorer: scorer.name }),
    bins: countBins(judged),
    problems: judged.map(({ id }) => id),
    problemBins: judged.map(({ bin }) => bin),
    arms: arms.map((arm) => resultOf(arm, judged, majorities.get(arm.budget), seed)),
    oracle: Object.fromEntries(budgets.map((budget) => [budget, oracleOf(pool, judged, budget)])),
    single: oracleOf(pool, judged, 1),
    chosen: judged.length < 4 ? [] : budgets.flatMap((budget) => chosenResult(arms, judged, budget, seed)),
    trees: searchTrees(runs, judged),
    warnings: strategyWarnings({ runs, arms, judged, pool, problems: problems.length, seed }),
  };
}

const countBins = (judged: readonly BinnedProblem[]): Record<Bin, number> => {
  const count = (bin: Bin): number => judged.filter((problem) => problem.bin === bin).length;
  return { easy: count('easy'), medium: count('medium'), hard: count('hard') };
};

function resultOf(
  arm: Arm,
  judged: readonly BinnedProblem[],
  majority: Arm | undefined,
  seed: number,
): ArmResult {
  const { name, choice, budget } = arm;
  const options = { seed, resamples: 2000 };
  const valuesIn = (some: readonly BinnedProblem[]): number[] => some.map(({ place }) => arm.values[place]!);
  const meanOf = (tokens: readonly number[], some: readonly BinnedProblem[]): number =>
    mean(some.map(({ place }) => tokens[place]!));
  const values = valuesIn(judged);
  const over = majority === undefined || majority === arm ? undefined : majority.values;
  return {
    name,
    choice,
    budget,
    accuracy: rateEstimate(values, options),
    byBin: perBin(judged, (some) => rateEstimate(valuesIn(some), options)),
    writtenByBin: perBin(judged, (some) => meanOf(arm.written, some)),
    scoredByBin: perBin(judged, (some) => meanOf(arm.scored, some)),
    written: meanOf(arm.written, judged),
    scored: meanOf(arm.scored, judged),
    ...(over !== undefined && {
      overMajority: differenceEstimate(
        judged.map(({ place }) => arm.values[place]! - over[place]!),
        options,
      ),
    }),
    values,
  };
}

/** Computes a value for each bin that has problems. */
function perBin<Item extends { readonly bin: Bin }, Value>(
  judged: readonly Item[],
  valueOf: (some: readonly Item[]) => Value,
): Partial<Record<Bin, Value>> {
  const byBin: Partial<Record<Bin, Value>> = {};
  for (const bin of bins) {
    const some = judged.filter((problem) => problem.bin === bin);
    if (some.length > 0) byBin[bin] = valueOf(some);
  }
  return byBin;
}

/** Returns the mean pass@N of the independent answers; N is at most the number of answers drawn. */
function oracleOf(run: StrategyRun | undefined, judged: readonly BinnedProblem[], budget: number): number {
  return mean(
    judged.map(({ place }) => {
      const answers = run!.answers[place]!;
      const correct = answers.filter(({ verdict }) => verdict.outcome === 'correct').length;
      return passAtK(answers.length, correct, Math.min(budget, answers.length));
    }),
  );
}

function chosenResult(
  arms: readonly Arm[],
  judged: readonly BinnedProblem[],
  budget: number,
  seed: number,
): ChosenResult[] {
  const some = arms.filter((arm) => arm.budget === budget);
  if (some.length === 0) return [];
  const { policies, fixed, values, fixedValues, tokens, fixedTokens } = chooseByBin(some, judged);
  const options = { seed, resamples: 2000 };
  const differences = values.map((value, at) => value - fixedValues[at]!);
  const results = judged.map(({ bin }, at) => ({ bin, value: values[at]!, tokens: tokens[at]! }));
  return [
    {
      budget,
      policies,
      fixed,
      accuracy: rateEstimate(values, options),
      byBin: perBin(results, (part) =>
        rateEstimate(
          part.map(({ value }) => value),
          options,
        ),
      ),
      tokensByBin: perBin(results, (part) => mean(part.map((one) => one.tokens))),
      tokens: mean(tokens),
      fixedTokens: mean(fixedTokens),
      overFixed: differenceEstimate(differences, options),
    },
  ];
}
