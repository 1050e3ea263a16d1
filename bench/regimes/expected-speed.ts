import { criticalBatch, type NoiseParts, updateProgress } from '../../src/curriculum/worth/critical-batch.ts';
import { sum } from '../../src/statistics/summary.ts';

/** The share of groups with a signal at every step of a run, and the strength of the signal. */
export interface LiveCourse {
  /** Share of groups with a signal, by step. */
  readonly live: readonly number[];
  /** Mean of √(4p(1 − p)) over these groups, by step, with p the pass rate of a group. */
  readonly contrast: readonly number[];
}

/** Critical batch of the demo's model in live groups (docs/LOG.md, "what staging is worth"). */
export const demoBatch = 300;

/**
 * Returns the speed expected from the live groups of two runs: the ratio of the steps in which they reach the lower of
 * their two totals of progress. The progress of a step is (W1) of docs/algorithms/staging-worth.md, with the groups
 * weighed by the square of their contrast relative to that of uniform sampling. With constant shares and equal
 * contrast, the result is (W1).
 *
 * @param critical b_c in live groups of uniform sampling; infinite: noise outweighs every signal.
 * @param groups groups per step.
 */
export function expectedSpeed(
  uniform: LiveCourse,
  arm: LiveCourse,
  critical: number,
  groups: number,
): number {
  const usual = meanContrast(uniform);
  const [slow, fast] = [uniform, arm].map((course) => totals(course, usual, critical, groups));
  return speedToGoal(slow!, fast!);
}

/**
 * Returns the ratio of the times in which two rising totals of progress, recorded at equal intervals, reach the lower of
 * their ends; 1 if that is 0.
 */
export function speedToGoal(slow: readonly number[], fast: readonly number[]): number {
  const goal = Math.min(slow.at(-1)!, fast.at(-1)!);
  return goal === 0 ? 1 : stepsTo(slow, goal) / stepsTo(fast, goal);
}

/**
 * Returns the progress of a step in proportion to (W1), even for an infinite critical batch.
 *
 * @param signal live groups.
 */
export const stepProgress = (signal: number, critical: number): number =>
  critical === Infinity ? Math.sqrt(signal) : updateProgress(signal, critical);

/** Returns the critical batch measured by a row's gradients if its interval excludes the demo's critical batch, else
 * the demo's. */
export function rowBatch(parts: readonly NoiseParts[]): number {
  if (parts.length < 2) return demoBatch;
  const { mean, low, high } = criticalBatch(parts);
  return low <= demoBatch && demoBatch <= high ? demoBatch : mean;
}

/** Returns the mean contrast of the live groups of a run; 1 if it has none. */
function meanContrast({ live, contrast }: LiveCourse): number {
  const groups = sum(live);
  return groups === 0 ? 1 : sum(live.map((share, i) => share * contrast[i]!)) / groups;
}

/** Returns the total progress after each step. */
function totals({ live, contrast }: LiveCourse, usual: number, critical: number, groups: number): number[] {
  let total = 0;
  return live.map((share, i) => {
    total += stepProgress(groups * share * (contrast[i]! / usual) ** 2, critical);
    return total;
  });
}

/** Returns the steps after which a rising total reaches a goal, interpolated linearly between steps. */
function stepsTo(total: readonly number[], goal: number): number {
  const at = total.findIndex((value) => value >= goal - 1e-12);
  const before = at === 0 ? 0 : total[at - 1]!;
  return at + (total[at] === before ? 1 : (goal - before) / (total[at]! - before));
}
