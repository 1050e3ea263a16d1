import { hashKey } from '../../core/rng.ts';
import { type Bin, bins } from '../../difficulty/bins.ts';
import { mean } from '../../statistics/summary.ts';
import type { Arm } from './strategy-arms.ts';

/** A problem and the bin of its pass rate. */
export interface BinnedProblem {
  /** Index of the problem in the arms' `values`. */
  readonly place: number;
  readonly id: string;
  readonly bin: Bin;
}

/** Strategies chosen on one half of the problems and judged on the other half, in both directions. JSON-safe. */
export interface Chosen {
  /** For each half, the arm used in each bin, chosen on the other half. */
  readonly policies: readonly Readonly<Record<Bin, string>>[];
  /** For each half, the single arm that is best on the other half. */
  readonly fixed: readonly string[];
  /** Out-of-sample values, one per problem in the given order. */
  readonly values: readonly number[];
  readonly fixedValues: readonly number[];
  readonly tokens: readonly number[];
  readonly fixedTokens: readonly number[];
}

/**
 * Chooses the best arm for each bin on one half of the problems and judges the choices on the other half, in both
 * directions. Treats the best single arm in the same way, so that the comparison is fair. Uses the best single arm for
 * a bin that is empty in the first half. Splits each bin evenly.
 *
 * @param arms arms of one budget with a value for every problem.
 */
export function chooseByBin(arms: readonly Arm[], problems: readonly BinnedProblem[]): Chosen {
  const halfOf = splitInHalves(problems);
  const policies: Record<Bin, string>[] = [];
  const fixed: string[] = [];
  const picked = new Map<BinnedProblem, { arm: Arm; single: Arm }>();
  for (const half of [0, 1]) {
    const fitting = problems.filter((problem) => halfOf.get(problem) !== half);
    const single = bestArm(arms, fitting)!;
    const policy = Object.fromEntries(
      bins.map((bin) => {
        const some = fitting.filter((problem) => problem.bin === bin);
        return [bin, some.length === 0 ? single : bestArm(arms, some)!];
      }),
    ) as Record<Bin, Arm>;
    for (const problem of problems)
      if (halfOf.get(problem) === half) picked.set(problem, { arm: policy[problem.bin], single });
    policies.push({ easy: policy.easy.name, medium: policy.medium.name, hard: policy.hard.name });
    fixed.push(single.name);
  }
  const over = <Value>(value: (picked: { arm: Arm; single: Arm }, place: number) => Value): Value[] =>
    problems.map((problem) => value(picked.get(problem)!, problem.place));
  const tokensOf = ({ written, scored }: Arm, place: number): number => written[place]! + scored[place]!;
  return {
    policies,
    fixed,
    values: over(({ arm }, place) => arm.values[place]!),
    fixedValues: over(({ single }, place) => single.values[place]!),
    tokens: over(({ arm }, place) => tokensOf(arm, place)),
    fixedTokens: over(({ single }, place) => tokensOf(single, place)),
  };
}

/**
 * Assigns the problems of each bin alternately to the two halves, in order of their hashes, so that the order in a file
 * has no effect.
 */
function splitInHalves(problems: readonly BinnedProblem[]): Map<BinnedProblem, number> {
  const halves = new Map<BinnedProblem, number>();
  for (const group of Map.groupBy(problems, ({ bin }) => bin).values()) {
    const keyOf = ({ id }: BinnedProblem): number => hashKey('half', id);
    group
      .toSorted((a, b) => keyOf(a) - keyOf(b) || a.place - b.place)
      .forEach((problem, at) => halves.set(problem, at % 2));
  }
  return halves;
}

/** Returns the arm with the highest mean, the first of several equal ones; undefined if there are no arms. */
function bestArm(arms: readonly Arm[], problems: readonly BinnedProblem[]): Arm | undefined {
  const accuracy = (arm: Arm): number => mean(problems.map(({ place }) => arm.values[place]!));
  return arms.reduce<Arm | undefined>(
    (best, arm) => (best === undefined || accuracy(arm) > accuracy(best) ? arm : best),
    undefined,
  );
}
