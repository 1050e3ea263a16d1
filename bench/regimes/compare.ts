import { mean } from '../../src/statistics/summary.ts';

/** An accuracy after a number of rollouts. */
export interface CurvePoint {
  readonly rollouts: number;
  readonly accuracy: number;
}

/** Rollouts between two evaluations of a run with a fixed number of rollouts per step. */
export const evaluationSpacing = 2048;

/**
 * Returns the mean accuracy of the last three evaluations within a budget. If a run was evaluated at other points,
 * its accuracies are interpolated linearly.
 */
export function outcomeOf(curve: readonly CurvePoint[], budget: number): number {
  return mean([0, 1, 2].map((back) => accuracyAt(curve, budget - back * evaluationSpacing)));
}

function accuracyAt(curve: readonly CurvePoint[], rollouts: number): number {
  const next = curve.findIndex((point) => point.rollouts >= rollouts);
  if (next === -1) return curve.at(-1)!.accuracy;
  const [before, after] = [curve[next - 1], curve[next]!];
  if (before === undefined || after.rollouts === rollouts) return after.accuracy;
  const share = (rollouts - before.rollouts) / (after.rollouts - before.rollouts);
  return before.accuracy + share * (after.accuracy - before.accuracy);
}

/**
 * Returns how many times fewer rollouts a run needs than uniform sampling: the ratio of the rollouts after which the
 * two curves, made monotone, reach the lower of their two final accuracies. It is below 1 if the run is slower, and 1
 * if neither learns anything.
 */
export function speedOf(
  curve: readonly CurvePoint[],
  uniform: readonly CurvePoint[],
  budget: number,
): number {
  const goal = Math.min(outcomeOf(curve, budget), outcomeOf(uniform, budget));
  const [needed, uniformNeeded] = [rolloutsToReach(curve, goal), rolloutsToReach(uniform, goal)];
  return needed === 0 || uniformNeeded === 0 ? 1 : uniformNeeded / needed;
}

/** Returns the rollouts at which the monotone curve first reaches an accuracy, or those of its last point if it never
 * does. */
export function rolloutsToReach(curve: readonly CurvePoint[], accuracy: number): number {
  const rising = monotone(curve);
  const at = rising.findIndex((point) => point.accuracy >= accuracy);
  if (at === -1) return rising.at(-1)!.rollouts;
  const [before, after] = [rising[at - 1], rising[at]!];
  if (before === undefined) return after.rollouts;
  const share = (accuracy - before.accuracy) / (after.accuracy - before.accuracy);
  return before.rollouts + share * (after.rollouts - before.rollouts);
}

/** Returns the non-decreasing curve nearest to a curve by least squares (pool adjacent violators). */
export function monotone(curve: readonly CurvePoint[]): CurvePoint[] {
  const blocks: { sum: number; size: number }[] = [];
  for (const { accuracy } of curve) {
    let block = { sum: accuracy, size: 1 };
    for (let last = blocks.at(-1); last !== undefined && level(last) >= level(block); last = blocks.at(-1)) {
      block = { sum: last.sum + block.sum, size: last.size + block.size };
      blocks.pop();
    }
    blocks.push(block);
  }
  const levels = blocks.flatMap((block) => Array.from({ length: block.size }, () => level(block)));
  return curve.map(({ rollouts }, i) => ({ rollouts, accuracy: levels[i]! }));
}

const level = ({ sum, size }: { sum: number; size: number }): number => sum / size;
