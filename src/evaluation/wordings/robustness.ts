import { type Estimate, differenceEstimate, rateEstimate } from '../../statistics/intervals.ts';
import { ratioEstimate } from '../../statistics/ratio.ts';
import { mean } from '../../statistics/summary.ts';
import { passRateOf, type ProblemResult } from '../problem-result.ts';

/**
 * How much a model's answers depend on the wording of a problem, over the problems that were judged with their original
 * prompt and with another wording, with equal weights and paired by problem.
 */
export interface Robustness {
  readonly problems: number;
  /** Accuracy with the problems' original prompts. */
  readonly own: number;
  /** Mean accuracy with the other wordings. */
  readonly others: number;
  /** others − own, with its paired 95 % bootstrap interval over problems. */
  readonly change: Estimate;
  /** Accuracy by wording, original prompts first; absent if problems differ in the number of wordings. */
  readonly byWording?: readonly number[];
  /** Probability that all of a set of attempts, one in each wording, are correct. */
  readonly rightInAll: Estimate;
  /** Probability that at least one of these attempts is correct. */
  readonly rightInSome: number;
  /**
   * rightInAll / rightInSome, from 0 to 1 (1: a problem solved in one wording is solved in all). Absent for a model
   * that is never correct, because agreement in wrong answers is not robustness.
   */
  readonly consistency?: Estimate;
  /** Probability that an attempt with the original prompt is correct and an attempt with another wording is not. */
  readonly rightToWrong: number;
  readonly wrongToRight: number;
  /**
   * Probability that two attempts with the original prompt differ: the share of flips that sampling alone explains.
   * Absent with one attempt per prompt at a temperature above 0.
   */
  readonly chanceFlips?: number;
}

/** Accuracies of one problem. */
interface WordedRates {
  /** Share of correct attempts by wording, original prompt first; at least two entries. */
  readonly rates: readonly number[];
  /** Unbiased estimate of the probability that two attempts with the original prompt differ. */
  readonly chance: number | null;
}

/**
 * Computes robustness from sampled attempts. Attempts are independent, so products of their rates are unbiased.
 *
 * @returns undefined if no problem has a second judged wording.
 */
export const sampledRobustness = (results: readonly ProblemResult[], seed: number): Robustness | undefined =>
  robustness(results.flatMap(sampledRates), seed);

/** Computes robustness from greedy attempts, whose flips depend only on the wording. */
export const greedyRobustness = (results: readonly ProblemResult[], seed: number): Robustness | undefined =>
  robustness(results.flatMap(greedyRates), seed);

function sampledRates({ trials, correct, wordings = [], ...result }: ProblemResult): WordedRates[] {
  const others = wordings.filter((wording) => wording.trials > 0);
  if (trials === 0 || others.length === 0) return [];
  const chance = trials < 2 ? null : (2 * correct * (trials - correct)) / (trials * (trials - 1));
  return [{ rates: [passRateOf({ ...result, trials, correct }), ...others.map(passRateOf)], chance }];
}

function greedyRates({ greedy, wordings = [] }: ProblemResult): WordedRates[] {
  const others = wordings.flatMap((wording) => wording.greedy ?? []);
  if (greedy === undefined || others.length === 0) return [];
  return [{ rates: [greedy, ...others].map(Number), chance: 0 }];
}

function robustness(problems: readonly WordedRates[], seed: number): Robustness | undefined {
  if (problems.length === 0) return undefined;
  const options = { seed, resamples: 2000 };
  const own = problems.map(({ rates }) => rates[0]!);
  const others = problems.map(({ rates }) => mean(rates.slice(1)));
  const all = problems.map(({ rates }) => product(rates));
  const some = problems.map(({ rates }) => 1 - product(rates.map((rate) => 1 - rate)));
  const chances = problems.flatMap(({ chance }) => chance ?? []);
  const counts = new Set(problems.map(({ rates }) => rates.length));
  return {
    problems: problems.length,
    own: mean(own),
    others: mean(others),
    change: differenceEstimate(
      others.map((rate, i) => rate - own[i]!),
      options,
    ),
    ...(counts.size === 1 && {
      byWording: problems[0]!.rates.map((_, at) => mean(problems.map(({ rates }) => rates[at]!))),
    }),
    rightInAll: rateEstimate(all, options),
    rightInSome: mean(some),
    ...(some.some((rate) => rate > 0) && { consistency: share(all, some) }),
    rightToWrong: mean(own.map((rate, i) => rate * (1 - others[i]!))),
    wrongToRight: mean(own.map((rate, i) => (1 - rate) * others[i]!)),
    ...(chances.length === problems.length && { chanceFlips: mean(chances) }),
  };
}

/** Returns a ratio of at most 1, with Fieller's interval. */
function share(parts: readonly number[], wholes: readonly number[]): Estimate {
  const { mean: ratio, low, high } = ratioEstimate(parts, wholes);
  return { mean: ratio, low, high: Math.min(1, high) };
}

const product = (values: readonly number[]): number => values.reduce((all, value) => all * value, 1);
