import { differenceEstimate } from '../../statistics/intervals.ts';
import { answerOf } from '../../core/rollout.ts';
import { mean } from '../../statistics/summary.ts';
import { votedAnswer } from '../../rollout/strategies/choose-answer.ts';
import type { BinnedProblem } from './choose-by-bin.ts';
import type { StrategyRun } from './run-strategies.ts';
import type { Arm } from './strategy-arms.ts';

interface Evidence {
  readonly runs: readonly StrategyRun[];
  readonly arms: readonly Arm[];
  readonly judged: readonly BinnedProblem[];
  /** The run with independent answers, which shows how much the policy's answers vary; undefined if there is none. */
  readonly pool: StrategyRun | undefined;
  /** Number of problems in the suite. */
  readonly problems: number;
  readonly seed: number;
}

/** Returns reasons to distrust a comparison of strategies. */
export function strategyWarnings(evidence: Evidence): string[] {
  const { judged, problems } = evidence;
  if (judged.length === 0) return ['no problem has a verdict in every strategy'];
  return [
    ...(judged.length < problems ? [`only ${judged.length} of ${problems} problems have all verdicts`] : []),
    ...overOptimised(evidence),
    ...fewSteps(evidence),
    ...collapsed(evidence),
  ];
}

/**
 * Warns if an arm that uses `max` becomes worse with more answers, or is worse than a single answer: its scorer is
 * unreliable.
 */
function overOptimised({ arms, judged, pool, seed }: Evidence): string[] {
  const byName = Map.groupBy(
    arms.filter(({ choice }) => choice === 'max'),
    ({ name }) => name,
  );
  const single = judged.map(({ place }) =>
    mean(pool!.answers[place]!.map(({ verdict }) => +(verdict.outcome === 'correct'))),
  );
  const valuesOf = (arm: Arm): number[] => judged.map(({ place }) => arm.values[place]!);
  const falls = (from: readonly number[], to: readonly number[]): boolean =>
    differenceEstimate(
      to.map((value, at) => value - from[at]!),
      { seed, resamples: 2000 },
    ).high < 0;
  const percent = (values: readonly number[]): string => (100 * mean(values)).toFixed(1);
  return Array.from(byName, ([name, some]) => {
    const [first, last] = [some.at(0)!, some.at(-1)!];
    const [before, after] = [valuesOf(first), valuesOf(last)];
    if (first.budget < last.budget && falls(before, after))
      return `${name} falls from ${percent(before)} to ${percent(after)} from N = ${first.budget} to ${last.budget}: more answers exploit errors of the scorer; choose by vote or use a better scorer`;
    if (falls(single, after))
      return `${name} reaches ${percent(after)} at N = ${last.budget}, below a single answer (${percent(single)}): the scorer prefers wrong answers`;
    return [];
  }).flat();
}

/** Minimum mean number of steps for a search over steps to differ from choosing among complete answers. */
const leastSteps = 2;

function fewSteps({ runs, judged, pool }: Evidence): string[] {
  if (pool === undefined || !runs.some(({ strategy }) => 'width' in strategy)) return [];
  const steps = judged.flatMap(({ place }) =>
    pool.answers[place]!.flatMap(({ stepScores }) => stepScores?.length ?? []),
  );
  const average = mean(steps);
  return average < leastSteps
    ? [
        `answers have ${average.toFixed(1)} steps on average: beam search and DVTS need "stepSeparator" to be text that the model writes between steps`,
      ]
    : [];
}

/** Mean number of distinct answers below which more answers add nothing. */
const leastDistinct = 1.5;

function collapsed({ judged, pool }: Evidence): string[] {
  if (pool === undefined || pool.budget < 4) return [];
  const distinct = mean(
    judged.map(
      ({ place }) =>
        new Set(pool.answers[place]!.map((one) => votedAnswer(one.verdict, answerOf(one)) ?? '')).size,
    ),
  );
  return distinct < leastDistinct
    ? [
        `${pool.budget} answers to a problem have ${distinct.toFixed(1)} distinct results on average: the policy varies too little for any strategy to gain`,
      ]
    : [];
}
