import { negate } from '../read/build.ts';
import { type MathNode, type Relation, someNode, type TupleNode } from '../syntax.ts';
import type { Comparing } from './comparing.ts';
import { isName } from './names.ts';
import * as stretches from './interval-unions.ts';
import type { Stretch } from './interval-unions.ts';

/** Reads an interval, a union, a set of numbers or inequalities in one variable as stretches of the real line. */
export function toIntervals(node: MathNode, comparing: Comparing): readonly Stretch[] | undefined {
  switch (node.kind) {
    case 'tuple':
      return node.items.length === 2 ? fromTuple(node, comparing) : undefined;
    case 'set':
      return node.items.map((item) => stretches.point(item, comparing));
    case 'constant':
      return node.name === 'reals' ? [stretches.realLine] : node.name === 'emptyset' ? [] : undefined;
    case 'setOperation':
      return fromOperation(node, comparing);
    case 'list':
      return fromList(node, comparing);
    case 'relation':
      return fromRelation(node.parts, node.operators, comparing);
    default:
      return undefined;
  }
}

/** Reads a tuple with ascending ends as an interval; returns undefined for others, such as the point `(3, 1)`. */
function fromTuple(node: TupleNode, comparing: Comparing): readonly Stretch[] | undefined {
  const [low, high] = node.items;
  const ends = { isLowClosed: node.open === '[', isHighClosed: node.close === ']' };
  const stretch = stretches.between(low!, high!, ends, comparing);
  return stretch.low.value > stretch.high.value ? undefined : [stretch];
}

function fromOperation(
  node: MathNode & { kind: 'setOperation' },
  comparing: Comparing,
): readonly Stretch[] | undefined {
  const left = toIntervals(node.left, comparing);
  const right = toIntervals(node.right, comparing);
  if (left === undefined || right === undefined) return undefined;
  if (node.operator === '\\cup') return stretches.united([...left, ...right]);
  return node.operator === '\\cap' ? stretches.intersected(left, right) : stretches.without(left, right);
}

/**
 * Reads a list of inequalities. Joined by "or", they form a union. Joined by "and" or a comma, they form an
 * intersection, unless it is empty: `x < 2, x > 3` lists the parts of a union.
 */
function fromList(node: MathNode & { kind: 'list' }, comparing: Comparing): readonly Stretch[] | undefined {
  const areIntervals = isIntervalList(node);
  const parts = node.items.map((item) =>
    item.kind === 'relation' || areIntervals
      ? toIntervals(item, comparing)
      : [stretches.point(item, comparing)],
  );
  if (!parts.every((part) => part !== undefined)) return undefined;
  const areInequalities = node.items.every((item) => item.kind === 'relation');
  if (node.joint !== 'or' && areInequalities) {
    const common = parts.reduce<readonly Stretch[] | undefined>(
      (all, part) => all && stretches.intersected(all, part),
      [stretches.realLine],
    );
    if (common !== undefined && common.length > 0) return common;
  }
  return stretches.united(parts.flat());
}

/**
 * Returns whether a node lists intervals, as in `(-\infty, 1), (3, \infty)`; an infinite end or mixed brackets
 * distinguish intervals from points.
 */
export function isIntervalList(node: MathNode): boolean {
  if (node.kind !== 'list' || !node.items.every((item) => item.kind === 'tuple' && item.items.length === 2))
    return false;
  return node.items.some((item) => item.kind === 'tuple' && isSurelyInterval(item));
}

function isSurelyInterval({ items, open, close }: TupleNode): boolean {
  const hasInfinity = items.some((end) =>
    someNode(end, (child) => child.kind === 'constant' && child.name === 'infty'),
  );
  return hasInfinity || (open === '[') !== (close === ']');
}

function fromRelation(
  parts: readonly MathNode[],
  operators: readonly Relation[],
  comparing: Comparing,
): readonly Stretch[] | undefined {
  const [first, second, third] = parts;
  if (operators.length === 1) return fromComparison(first!, operators[0]!, second!, comparing);
  if (operators.length !== 2) return undefined;
  if (operators.every((operator) => operator === '>' || operator === '\\ge')) {
    return fromRelation([third!, second!, first!], [mirror[operators[1]!], mirror[operators[0]!]], comparing);
  }
  if (!operators.every((operator) => operator === '<' || operator === '\\le')) return undefined;
  const ends = { isLowClosed: operators[0] === '\\le', isHighClosed: operators[1] === '\\le' };
  const middle = stretches.between(first!, third!, ends, comparing);
  if (isName(second!)) return [middle];
  return isAbsoluteName(second!) ? [middle, stretches.reflected(middle, comparing)] : undefined;
}

/** For each relation, the relation that is equivalent if the sides are exchanged. */
export const mirror: Readonly<Record<Relation, Relation>> = {
  '<': '>',
  '>': '<',
  '\\le': '\\ge',
  '\\ge': '\\le',
  '=': '=',
  '\\ne': '\\ne',
  '\\approx': '\\approx',
  '\\in': '\\in',
  '\\subset': '\\subset',
};

function fromComparison(
  left: MathNode,
  operator: Relation,
  right: MathNode,
  comparing: Comparing,
): readonly Stretch[] | undefined {
  if (operator === '\\in') return isName(left) ? toIntervals(right, comparing) : undefined;
  if (!isName(left) && !isAbsoluteName(left)) {
    const isTurned = isName(right) || isAbsoluteName(right);
    return isTurned ? fromComparison(right, mirror[operator], left, comparing) : undefined;
  }
  if (isName(right) && !isName(left)) return undefined;
  if (operator === '\\ne')
    return isName(left)
      ? stretches.without([stretches.realLine], [stretches.point(right, comparing)])
      : undefined;
  const isClosed = operator === '\\le' || operator === '\\ge';
  const isBelow = operator === '<' || operator === '\\le';
  if (!isBelow && operator !== '>' && operator !== '\\ge') return undefined;
  if (isName(left))
    return [
      isBelow ? stretches.below(right, isClosed, comparing) : stretches.above(right, isClosed, comparing),
    ];
  if (isBelow) {
    const ends = { isLowClosed: isClosed, isHighClosed: isClosed };
    return [stretches.between(negate(right), right, ends, comparing)];
  }
  const upper = stretches.above(right, isClosed, comparing);
  return [upper, stretches.reflected(upper, comparing)];
}

function isAbsoluteName(node: MathNode): boolean {
  return node.kind === 'function' && node.name === 'abs' && isName(node.operands[0]!);
}
