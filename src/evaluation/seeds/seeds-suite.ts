import { DataError } from '../../core/errors.ts';
import { settingDifferences } from '../compare.ts';
import type { Evaluation } from '../evaluate.ts';
import type { CurvePoint } from '../learning-curve.ts';
import type { ProblemResult } from '../problem-result.ts';
import type { SeedPair, SeedRun } from './seed-side.ts';
import { differenceOverSeeds, type SeedsDifference } from './seeds-difference.ts';
import { speedToEnd } from '../speed.ts';

/** Accuracy over the steps of one run. */
export interface SeedCurve {
  readonly seed: number;
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** The last evaluations of one suite in all runs of both sides. */
export interface SuiteSeeds {
  readonly suite: string;
  /** Rollouts per problem in the baseline's evaluations. */
  readonly rollouts: number;
  /** Minimum and maximum step of the last evaluations. */
  readonly steps: BothSides<readonly [least: number, greatest: number]>;
  readonly overall: SeedsDifference;
  readonly byDomain: Readonly<Record<string, SeedsDifference>>;
  /** Accuracy over steps, one curve per seed. */
  readonly curves: BothSides<readonly SeedCurve[]>;
  /** Known reasons why the sides may not be comparable. */
  readonly warnings: readonly string[];
}

/** One value for each side. */
export interface BothSides<T> {
  readonly before: T;
  readonly after: T;
}

/**
 * Compares the last evaluations of a suite over the problems judged in all runs.
 *
 * @throws DataError if no problem was judged in all runs.
 */
export function compareSuite(pairs: readonly SeedPair[], suite: string): SuiteSeeds {
  const evaluationOf = (run: SeedRun): Evaluation => run.last.get(suite)!.evaluation;
  const evaluations = pairs.flat().map(evaluationOf);
  const shared = judgedInAll(evaluations);
  const all = Math.max(...evaluations.map(({ problems }) => problems.length));
  if (shared.size === 0) {
    throw new DataError(
      `expected problems of the suite "${suite}" judged in all ${evaluations.length} runs, got none of ${all}`,
      { tryNext: 'gradus runs show <run>' },
    );
  }
  const compare = (domain?: string): SeedsDifference => {
    const part = (run: SeedRun): ProblemResult[] =>
      evaluationOf(run).problems.filter((one) => shared.has(one.id) && (domain ?? one.domain) === one.domain);
    const results = pairs.map(([before, after]) => ({
      seed: before.summary.seed,
      before: part(before),
      after: part(after),
    }));
    const accuracyOf = ({ overall, byDomain }: CurvePoint): number | undefined =>
      domain === undefined ? overall : byDomain[domain];
    const curves = pairs.map(
      ([before, after]) => [before.curves.get(suite) ?? [], after.curves.get(suite) ?? []] as const,
    );
    const speed = speedToEnd(curves, accuracyOf);
    return { ...differenceOverSeeds(results), ...(speed === undefined ? {} : { speed }) };
  };
  const overall = compare();
  const domains = new Set(
    evaluations[0]!.problems.flatMap(({ id, domain }) => (shared.has(id) ? domain : [])),
  );
  return {
    suite,
    rollouts: evaluations[0]!.sampling.rollouts,
    steps: bothSides(pairs, (runs) => lastSteps(runs, suite)),
    overall,
    byDomain: Object.fromEntries(Array.from(domains, (domain) => [domain, compare(domain)])),
    curves: bothSides(pairs, (runs) => runs.map((run) => curveOf(run, suite))),
    warnings: [...new Set(doubts(pairs, evaluationOf)), ...partial(shared.size, all), ...widthless(overall)],
  };
}

function judgedInAll(evaluations: readonly Evaluation[]): Set<string> {
  const [first, ...others] = evaluations.map(
    ({ problems }) => new Set(problems.flatMap(({ id, trials }) => (trials > 0 ? id : []))),
  );
  return new Set([...first!].filter((id) => others.every((judged) => judged.has(id))));
}

function bothSides<T>(pairs: readonly SeedPair[], of: (runs: readonly SeedRun[]) => T): BothSides<T> {
  return { before: of(pairs.map(([run]) => run)), after: of(pairs.map(([, run]) => run)) };
}

function lastSteps(runs: readonly SeedRun[], suite: string): [number, number] {
  const steps = runs.map(({ last }) => last.get(suite)!.step);
  return [Math.min(...steps), Math.max(...steps)];
}

function curveOf({ summary, curves }: SeedRun, suite: string): SeedCurve {
  const points = curves.get(suite) ?? [];
  return {
    seed: summary.seed,
    steps: points.map(({ step }) => step),
    values: points.map(({ overall }) => overall),
  };
}

const doubts = (pairs: readonly SeedPair[], evaluationOf: (run: SeedRun) => Evaluation): string[] =>
  pairs.flatMap(([before, after]) => settingDifferences(evaluationOf(before), evaluationOf(after)));

const partial = (shared: number, all: number): string[] =>
  shared < all ? [`only ${shared} of ${all} problems were judged in all runs`] : [];

const widthless = ({ difference: { low, high } }: SeedsDifference): string[] =>
  low === high
    ? ['every seed has the same difference, so its interval has no width: use more problems or rollouts']
    : [];
