import { mean, sum } from '../statistics/summary.ts';
import { rateEstimate, wilsonInterval, type Estimate } from '../statistics/intervals.ts';
import { passAtK } from './estimators.ts';
import { passRateOf, type ProblemResult } from './problem-result.ts';

/** Results over a set of equally weighted problems. Unmeasured results are absent. */
export interface Summary {
  /** Number of problems with at least one judged attempt; all other results are over these problems. */
  readonly problems: number;
  /** Number of problems without a judged attempt. */
  readonly ungradable: number;
  /** avg@k with its 95 % bootstrap interval over problems. */
  readonly accuracy?: Estimate;
  /** Unbiased pass@k for k = 1, 2, 4 … up to the number of trials of the problem with the fewest. */
  readonly passAt: Readonly<Record<string, number>>;
  /** maj@k over the problems whose answers can be compared. */
  readonly majority?: number;
  /** Accuracy at temperature 0 with its 95 % Wilson interval. */
  readonly greedy?: Estimate;
  /** Share of attempts truncated at the token limit. */
  readonly truncated?: number;
}

/** Computes the summary of a list of problems. The seed determines the bootstrap's resamples. */
export function summarise(results: readonly ProblemResult[], seed: number): Summary {
  const judged = results.filter(({ trials }) => trials > 0);
  const base = { problems: judged.length, ungradable: results.length - judged.length };
  if (judged.length === 0) return { ...base, passAt: {} };
  const attempts = sum(judged.map(({ verdicts }) => countAll(verdicts)));
  const majorities = judged.flatMap(({ majority }) => majority ?? []);
  return {
    ...base,
    accuracy: rateEstimate(judged.map(passRateOf), { seed, resamples: 2000 }),
    passAt: passAtPowers(judged),
    ...(majorities.length === 0 ? {} : { majority: mean(majorities) }),
    ...greedyAccuracy(judged),
    truncated: sum(judged.map((one) => one.truncated)) / attempts,
  };
}

/**
 * Groups problems by name (a problem may have several names) and summarises each group, in order of first occurrence.
 */
export function summariseBy(
  results: readonly ProblemResult[],
  namesOf: (result: ProblemResult) => readonly string[],
  seed: number,
): Record<string, Summary> {
  const groups = new Map<string, ProblemResult[]>();
  for (const result of results) {
    for (const name of namesOf(result)) {
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [result]);
      else group.push(result);
    }
  }
  return Object.fromEntries(Array.from(groups, ([name, group]) => [name, summarise(group, seed)]));
}

function passAtPowers(judged: readonly ProblemResult[]): Record<string, number> {
  const most = judged.reduce((least, { trials }) => Math.min(least, trials), Infinity);
  const passAt: Record<string, number> = {};
  for (let k = 1; k <= most; k *= 2) {
    passAt[k] = mean(judged.map(({ trials, correct }) => passAtK(trials, correct, k)));
  }
  return passAt;
}

function greedyAccuracy(judged: readonly ProblemResult[]): { greedy?: Estimate } {
  const greedy = judged.flatMap((result) => result.greedy ?? []);
  if (greedy.length === 0) return {};
  const correct = greedy.filter(Boolean).length;
  return { greedy: { mean: correct / greedy.length, ...wilsonInterval(correct, greedy.length) } };
}

function countAll(verdicts: ProblemResult['verdicts']): number {
  return sum(Object.values(verdicts));
}
