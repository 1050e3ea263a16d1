import { speedup } from '../../src/curriculum/worth/staging-worth.ts';
import { type Estimate, tInterval } from '../../src/statistics/intervals.ts';
import { mean, quantile } from '../../src/statistics/summary.ts';
import { arms } from './arms.ts';
import { outcomeOf, speedOf } from './compare.ts';
import { demoBatch, expectedSpeed, type LiveCourse, rowBatch } from './expected-speed.ts';
import { headline, neverWorse, type Prediction, predictions, worthPredicted } from './predictions.ts';

import type { Result } from './results.ts';
import type { Row } from './rows.ts';

/** Comparison of an arm of a row with another arm, usually uniform sampling, paired by seed. Rates are in [0, 1]. */
export interface Comparison {
  readonly row: string;
  readonly arm: string;
  /** The other arm. */
  readonly against: string;
  /** Mean accuracy of the other arm at the end of the budget, over the same seeds. */
  readonly uniform: number;
  readonly difference: Estimate;
  /** Differences by seed. */
  readonly differences: readonly number[];
  /** Median over seeds of `speedOf`. */
  readonly speed: number;
  readonly speeds: readonly number[];
  /** Share of groups with a signal in the other arm, and in this one. */
  readonly live: readonly [uniform: number, arm: number];
  /** Speed expected from the live groups of each step (`expectedSpeed`), or from their mean shares if steps are not
   * recorded. */
  readonly expected: number;
  /** Whether `expected` is computed from single steps. */
  readonly isByStep: boolean;
  readonly seeds: number;
}

const groupsPerStep = 32;

/** Compares every arm with uniform sampling, or with the arm that it varies, over the seeds that both have. */
export function compareResults(rows: readonly Row[], results: readonly Result[]): Comparison[] {
  return rows.flatMap((row) => {
    const byArm = Map.groupBy(
      results.filter((result) => result.row === row.id),
      ({ arm }) => arm,
    );
    return [...byArm].flatMap(([arm, all]) => {
      const { against = 'uniform', domain } = arms[arm]!;
      const others = new Map(byArm.get(against)?.map((run) => [run.seed, inDomain(run, domain)]));
      const runs = all.filter(({ seed }) => others.has(seed)).toSorted((a, b) => a.seed - b.seed);
      if (arm === 'uniform' || runs.length === 0) return [];
      return [
        compareArm(
          row,
          runs.map((run) => inDomain(run, domain)),
          others,
        ),
      ];
    });
  });
}

/** Returns a run with the accuracies of one domain. */
function inDomain(run: Result, domain: string | undefined): Result {
  if (domain === undefined) return run;
  return { ...run, points: run.points.map((point) => ({ ...point, accuracy: point.byDomain![domain]! })) };
}

function compareArm(
  { id, budget }: Row,
  runs: readonly Result[],
  others: ReadonlyMap<number, Result>,
): Comparison {
  const pairs = runs.map((run) => ({ run, base: others.get(run.seed)! }));
  const differences = pairs.map(
    ({ run, base }) => outcomeOf(run.points, budget) - outcomeOf(base.points, budget),
  );
  const live: [number, number] = [
    mean(pairs.map(({ base }) => base.live)),
    mean(runs.map((run) => run.live)),
  ];
  const speeds = pairs.map(({ run, base }) => speedOf(run.points, base.points, budget));
  return {
    row: id,
    arm: runs[0]!.arm,
    against: pairs[0]!.base.arm,
    uniform: mean(pairs.map(({ base }) => outcomeOf(base.points, budget))),
    difference: tInterval(differences),
    differences,
    speed: quantile(speeds, 0.5),
    speeds,
    live,
    ...expectation(pairs, live),
    seeds: runs.length,
  };
}

/** A run, and the run of the other arm with the same seed. */
interface Pair {
  readonly run: Result;
  readonly base: Result;
}

/** Returns the expected speed: the median over the seeds whose steps are recorded, else that of the mean shares. */
function expectation(
  pairs: readonly Pair[],
  live: readonly [number, number],
): Pick<Comparison, 'expected' | 'isByStep'> {
  const critical = rowBatch(pairs.flatMap(({ base }) => base.gradient ?? []));
  const speeds = pairs.flatMap(({ run, base }) => {
    const courses = [courseOf(base), courseOf(run)];
    return courses[0] && courses[1] ? [expectedSpeed(courses[0], courses[1], critical, groupsPerStep)] : [];
  });
  if (speeds.length === 0) return { expected: speedup(demoBatch, groupsPerStep, ...live), isByStep: false };
  return { expected: quantile(speeds, 0.5), isByStep: true };
}

function courseOf({ liveByStep: live, contrastByStep: contrast }: Result): LiveCourse | undefined {
  return live && contrast && { live, contrast };
}

/** Formats the comparisons as a Markdown table, each with its prediction. */
export function formatTable(comparisons: readonly Comparison[]): string {
  const lines = comparisons.map((one) => {
    const { row, arm, against, uniform, difference, speed, speeds, live, expected, seeds } = one;
    const cells = [
      row,
      against === 'uniform' ? arm : `${arm}, against ${against}`,
      points(uniform),
      // One seed has no interval.
      `${signed(difference.mean)}${seeds === 1 ? '' : ` [${signed(difference.low)}, ${signed(difference.high)}]`}`,
      `${speed.toFixed(2)} (${Math.min(...speeds).toFixed(2)}–${Math.max(...speeds).toFixed(2)})`,
      `${live[0].toFixed(2)} → ${live[1].toFixed(2)}`,
      expected.toFixed(2),
      String(seeds),
      predictions.flatMap((prediction) => outcomeOfPrediction(prediction, one)).join('; ') || '–',
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| row | arm | uniform, % | difference, points [95 %] | speed: median (range) | live groups | speed expected from them | seeds | predicted |',
    '|---|---|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

function outcomeOfPrediction({ row, arm, speed, difference }: Prediction, one: Comparison): string[] {
  if (row !== one.row || arm !== one.arm) return [];
  const verdict = (value: number, [low, high]: readonly [number, number]): string =>
    value >= low && value <= high ? 'held' : 'FAILED';
  return [
    ...(speed === undefined ? [] : [`speed ${range(speed)}: ${verdict(one.speed, speed)}`]),
    ...(difference === undefined
      ? []
      : [`difference ${range(difference)}: ${verdict(100 * one.difference.mean, difference)}`]),
  ];
}

/** Formats the registered decisions about `auto`, each with its measured values and whether it holds so far. */
export function formatDecisions(comparisons: readonly Comparison[]): string[] {
  const autos = comparisons.filter(({ arm }) => arm === 'auto');
  if (autos.length === 0) return [];
  const verdict = (holds: boolean): string => (holds ? 'holds' : 'FAILS');
  const pooled = tInterval(autos.flatMap(({ differences }) => differences));
  const isDecided = ({ seeds }: Comparison): boolean => seeds >= neverWorse.seeds;
  const decided = autos.filter(isDecided);
  const worst = decided.filter(({ difference }) => 100 * difference.low <= neverWorse.eachRow);
  const foreseen = autos.filter(({ speed, expected }) => isWithin(speed / expected, worthPredicted.factor));
  return [
    `never worse, each row (low end > ${neverWorse.eachRow}): ${verdict(worst.length === 0)}` +
      worst.map(({ row, difference }) => ` ${row} ${signed(difference.low)}`).join(',') +
      autos.map((one) => (isDecided(one) ? '' : `; undecided: ${one.row}, seeds: ${one.seeds}`)).join(''),
    `never worse, pooled (low end > ${neverWorse.pooled}): ${verdict(100 * pooled.low > neverWorse.pooled)} ${signed(pooled.low)}`,
    ...autos.flatMap(({ row, speed }) =>
      headline[row] === undefined
        ? []
        : [`speed at ${row} ≥ ${headline[row]}: ${verdict(speed >= headline[row])} ${speed.toFixed(2)}`],
    ),
    `speed within a factor of ${worthPredicted.factor} of the expected one, in ${100 * worthPredicted.share} % of the rows: ` +
      `${verdict(foreseen.length >= worthPredicted.share * autos.length)} ${foreseen.length} of ${autos.length}` +
      `; by step: ${countByStep(foreseen)} of ${countByStep(autos)}`,
  ];
}

const countByStep = (some: readonly Comparison[]): number => some.filter(({ isByStep }) => isByStep).length;
const isWithin = (ratio: number, factor: number): boolean => ratio <= factor && ratio >= 1 / factor;
const points = (rate: number): string => (100 * rate).toFixed(1);
const signed = (rate: number): string => `${rate >= 0 ? '+' : ''}${points(rate)}`;
const range = ([low, high]: readonly [number, number]): string => {
  if (high === Infinity) return `≥ ${low}`;
  return low === -Infinity ? `≤ ${high}` : `${low} to ${high}`;
};
