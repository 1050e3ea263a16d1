import { negate } from '../read/build.ts';
import type { MathNode } from '../syntax.ts';
import { approximateValue } from '../value/approximate.ts';
import type { Comparing } from './comparing.ts';

/**
 * Unions of intervals on the real line, represented by cuts. A cut is just before or just after a number, and a stretch
 * is the set of numbers between two cuts. [0,1) extends from before 0 to before 1, so open and closed ends need no
 * separate cases.
 */

/** A position between numbers. */
interface Cut {
  readonly node: MathNode;
  /** The number next to the cut; NaN if it is unknown, as for `a`. */
  readonly value: number;
  readonly isAfter: boolean;
}

/** The numbers between two cuts. */
export interface Stretch {
  readonly low: Cut;
  readonly high: Cut;
}

const infinity: MathNode = { kind: 'constant', name: 'infty' };
const lowest: Cut = { node: negate(infinity), value: Number.NEGATIVE_INFINITY, isAfter: false };
const highest: Cut = { node: infinity, value: Number.POSITIVE_INFINITY, isAfter: false };

/** All real numbers. */
export const realLine: Stretch = { low: lowest, high: highest };

/** Returns the numbers between two ends; each end may be included or excluded. */
export function between(
  low: MathNode,
  high: MathNode,
  closed: { readonly isLowClosed: boolean; readonly isHighClosed: boolean },
  comparing: Comparing,
): Stretch {
  return { low: cut(low, !closed.isLowClosed, comparing), high: cut(high, closed.isHighClosed, comparing) };
}

/** Returns all numbers below an end. */
export function below(high: MathNode, isClosed: boolean, comparing: Comparing): Stretch {
  return { low: lowest, high: cut(high, isClosed, comparing) };
}

/** Returns all numbers above an end. */
export function above(low: MathNode, isClosed: boolean, comparing: Comparing): Stretch {
  return { low: cut(low, !isClosed, comparing), high: highest };
}

/** Returns the stretch that contains a single number. */
export function point(value: MathNode, comparing: Comparing): Stretch {
  return { low: cut(value, false, comparing), high: cut(value, true, comparing) };
}

function cut(node: MathNode, isAfter: boolean, comparing: Comparing): Cut {
  const { re, im } = approximateValue(node, new Map(), comparing.budget);
  const value = im === 0 ? re : Number.NaN;
  return { node, value, isAfter: Number.isFinite(value) || Number.isNaN(value) ? isAfter : false };
}

/** Returns whether every end is a known number; only then can the stretches be sorted. */
function areKnown(stretches: readonly Stretch[]): boolean {
  return stretches.every(({ low, high }) => !Number.isNaN(low.value) && !Number.isNaN(high.value));
}

/** Compares two cuts: negative if `a` is below `b`, 0 if they are the same. Values within rounding error are equal. */
function compareCuts(a: Cut, b: Cut): number {
  const distance = Math.abs(a.value - b.value);
  const isClose =
    Number.isFinite(distance) && distance <= 1e-13 * Math.max(Math.abs(a.value), Math.abs(b.value));
  if (a.value === b.value || isClose) return Number(a.isAfter) - Number(b.isAfter);
  return a.value < b.value ? -1 : 1;
}

/**
 * Returns the same numbers as stretches in ascending order, with adjacent stretches merged. Returns stretches with
 * unknown ends unchanged.
 */
export function united(stretches: readonly Stretch[]): readonly Stretch[] {
  if (!areKnown(stretches)) return stretches;
  const ordered = stretches
    .filter(({ low, high }) => compareCuts(low, high) < 0)
    .toSorted((a, b) => compareCuts(a.low, b.low));
  const merged: Stretch[] = [];
  for (const next of ordered) {
    const last = merged.at(-1);
    if (last === undefined || compareCuts(next.low, last.high) > 0) merged.push(next);
    else if (compareCuts(next.high, last.high) > 0)
      merged[merged.length - 1] = { low: last.low, high: next.high };
  }
  return merged;
}

/** Returns the numbers that are in both unions; undefined if an end is unknown. */
export function intersected(a: readonly Stretch[], b: readonly Stretch[]): readonly Stretch[] | undefined {
  if (!areKnown(a) || !areKnown(b)) return undefined;
  const common = a.flatMap((left) =>
    b.map((right) => ({
      low: compareCuts(left.low, right.low) < 0 ? right.low : left.low,
      high: compareCuts(left.high, right.high) < 0 ? left.high : right.high,
    })),
  );
  return united(common);
}

/** Returns the numbers that are in the first union but not in the second; undefined if an end is unknown. */
export function without(a: readonly Stretch[], b: readonly Stretch[]): readonly Stretch[] | undefined {
  if (!areKnown(b)) return undefined;
  const gaps: Stretch[] = [];
  let from: Cut = lowest;
  for (const { low, high } of united(b)) {
    gaps.push({ low: from, high: low });
    from = high;
  }
  return intersected(a, [...gaps, { low: from, high: highest }]);
}

/** Returns whether two unions contain the same numbers. Ends are compared by all rules, so -1/2 and -0.5 are equal. */
export function sameStretches(
  gold: readonly Stretch[],
  answer: readonly Stretch[],
  comparing: Comparing,
): boolean {
  const left = [...united(answer)];
  const isCovered = united(gold).every((stretch) => {
    const index = left.findIndex((candidate) => sameStretch(stretch, candidate, comparing));
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  });
  return isCovered && left.length === 0;
}

function sameStretch(gold: Stretch, answer: Stretch, comparing: Comparing): boolean {
  return (
    gold.low.isAfter === answer.low.isAfter &&
    gold.high.isAfter === answer.high.isAfter &&
    comparing.equal(gold.low.node, answer.low.node) !== undefined &&
    comparing.equal(gold.high.node, answer.high.node) !== undefined
  );
}

/** Returns the mirror image of a stretch about 0. */
export function reflected({ low, high }: Stretch, comparing: Comparing): Stretch {
  return {
    low: cut(negate(high.node), !high.isAfter, comparing),
    high: cut(negate(low.node), !low.isAfter, comparing),
  };
}
