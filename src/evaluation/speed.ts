import { mean } from '../statistics/summary.ts';
import type { CurvePoint, LearningCurve, TrainingCost } from './learning-curve.ts';

/** Cost of reaching an accuracy, in one unit. */
export interface SpeedIn {
  /** Median over seeds of the baseline's cost. */
  readonly before: number;
  /** Median over seeds of the other side's cost; null unless more than half of the seeds reach the accuracy. */
  readonly after: number | null;
  /** Median over seeds of the paired ratio before / after; null under the same condition. */
  readonly ratio: number | null;
}

/** Costs of reaching the accuracy at which the baseline ends, paired by seed. */
export interface Speed {
  readonly seeds: number;
  /** Number of seeds for which the other side reaches the baseline's final accuracy. */
  readonly reached: number;
  readonly steps: SpeedIn;
  /** Rollouts made for training and for measuring difficulty. */
  readonly rollouts: SpeedIn;
  /** Tokens written in these rollouts. */
  readonly tokens: SpeedIn;
}

/** Two runs with the same seed. */
export type CurvePair = readonly [before: LearningCurve, after: LearningCurve];

/** Number of evaluations in a moving average, which reduces the noise of single evaluations. */
const window = 3;

/**
 * Compares the costs at which two sides first reach the baseline's final accuracy, over moving averages of three
 * evaluations. Each cost is that of the first crossing, so equal curves have a ratio of 1.
 *
 * @param accuracyOf returns the accuracy at a point of a curve, or undefined if it was not measured.
 * @returns undefined unless every run has at least two evaluations after step 0.
 */
export function speedToEnd(
  pairs: readonly CurvePair[],
  accuracyOf: (point: CurvePoint) => number | undefined,
): Speed | undefined {
  const smoothed = pairs.map((pair) => pair.map((curve) => smooth(curve, accuracyOf)));
  if (smoothed.some((pair) => pair.some(({ length }) => length < 2))) return undefined;
  const crossings = smoothed.map(([before, after]): Crossing => {
    const goal = before!.at(-1)!.accuracy;
    return { before: firstAt(before!, goal)!, after: firstAt(after!, goal) };
  });
  return {
    seeds: pairs.length,
    reached: crossings.filter(({ after }) => after !== undefined).length,
    steps: speedIn(crossings, ({ step }) => step),
    rollouts: speedIn(crossings, ({ rollouts }) => rollouts),
    tokens: speedIn(crossings, ({ tokens }) => tokens),
  };
}

interface Crossing {
  readonly before: TrainingCost;
  readonly after: TrainingCost | undefined;
}

function smooth(curve: LearningCurve, accuracyOf: (point: CurvePoint) => number | undefined) {
  const trained = curve.flatMap((point) => {
    const accuracy = accuracyOf(point);
    return point.step === 0 || accuracy === undefined ? [] : [{ point, accuracy }];
  });
  return trained.map(({ point }, at) => ({
    point,
    accuracy: mean(trained.slice(Math.max(0, at - window + 1), at + 1).map(({ accuracy }) => accuracy)),
  }));
}

function firstAt(curve: ReturnType<typeof smooth>, goal: number): TrainingCost | undefined {
  return curve.find(({ accuracy }) => accuracy >= goal)?.point;
}

function speedIn(crossings: readonly Crossing[], costOf: (cost: TrainingCost) => number): SpeedIn {
  const before = median(crossings.map((one) => costOf(one.before)));
  const costs = crossings.map(({ after }) => (after === undefined ? Infinity : costOf(after)));
  if (2 * costs.filter(Number.isFinite).length <= costs.length) return { before, after: null, ratio: null };
  const ratios = crossings.map((one, at) => costOf(one.before) / costs[at]!);
  return { before, after: median(costs), ratio: median(ratios) };
}

/** Returns the median; the upper values may be infinite. */
function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).toSorted();
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
