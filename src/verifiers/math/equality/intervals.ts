import { approximateValue } from '../value/approximate.ts';
import { negate } from '../read/build.ts';
import type { Judge } from './comparing.ts';
import { isName } from './names.ts';
import type { MathNode, Relation, TupleNode } from '../syntax.ts';

/** A stretch of the real line; a single number has equal, closed ends. */
export interface Interval {
  readonly low: MathNode;
  readonly high: MathNode;
  readonly isLowClosed: boolean;
  readonly isHighClosed: boolean;
}

const infinity: MathNode = { kind: 'constant', name: 'infty' };
const minusInfinity: MathNode = negate(infinity);

/** Reads an interval, a union, a set of numbers or inequalities in one variable as stretches of the real line. */
export function toIntervals(node: MathNode, judge: Judge): readonly Interval[] | undefined {
  switch (node.kind) {
    case 'tuple':
      return node.items.length === 2 ? [fromTuple(node)] : undefined;
    case 'set':
      return node.items.map(single);
    case 'constant':
      return node.name === 'reals'
        ? [open(minusInfinity, infinity)]
        : node.name === 'emptyset'
          ? []
          : undefined;
    case 'setOperation':
      return fromOperation(node, judge);
    case 'list':
      return unionOf(node.items, judge);
    case 'relation':
      return fromRelation(node.parts, node.operators, judge);
    default:
      return undefined;
  }
}

/** Are two unions of intervals the same, in whatever order they are written? */
export function sameIntervals(gold: readonly Interval[], answer: readonly Interval[], judge: Judge): boolean {
  const left = [...answer];
  const isCovered = gold.every((interval) => {
    const index = left.findIndex((candidate) => sameInterval(interval, candidate, judge));
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  });
  return isCovered && left.length === 0;
}

function sameInterval(gold: Interval, answer: Interval, judge: Judge): boolean {
  const sameLow = isInfinite(gold.low) || gold.isLowClosed === answer.isLowClosed;
  const sameHigh = isInfinite(gold.high) || gold.isHighClosed === answer.isHighClosed;
  return (
    sameLow &&
    sameHigh &&
    judge.equal(gold.low, answer.low) !== undefined &&
    judge.equal(gold.high, answer.high) !== undefined
  );
}

function fromTuple(node: TupleNode): Interval {
  return {
    low: node.items[0]!,
    high: node.items[1]!,
    isLowClosed: node.open === '[',
    isHighClosed: node.close === ']',
  };
}

function fromOperation(
  node: MathNode & { kind: 'setOperation' },
  judge: Judge,
): readonly Interval[] | undefined {
  const left = toIntervals(node.left, judge);
  const right = toIntervals(node.right, judge);
  if (left === undefined || right === undefined) return undefined;
  if (node.operator === '\\cup') return [...left, ...right];
  const isPunctured =
    node.operator === '\\setminus' && node.left.kind === 'constant' && node.right.kind === 'set';
  return isPunctured ? lineWithout(node.right.kind === 'set' ? node.right.items : [], judge) : undefined;
}

function single(value: MathNode): Interval {
  return { low: value, high: value, isLowClosed: true, isHighClosed: true };
}

function unionOf(nodes: readonly MathNode[], judge: Judge): readonly Interval[] | undefined {
  const parts = nodes.map((node) => (node.kind === 'relation' ? toIntervals(node, judge) : [single(node)]));
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}

/** The real line without some points. */
function lineWithout(points: readonly MathNode[], judge: Judge): readonly Interval[] | undefined {
  const valued = points.map((point) => ({
    point,
    value: approximateValue(point, new Map(), judge.budget).re,
  }));
  if (valued.some(({ value }) => Number.isNaN(value))) return undefined;
  const ordered = valued.toSorted((a, b) => a.value - b.value).map(({ point }) => point);
  const bounds = [minusInfinity, ...ordered, infinity];
  return bounds.slice(1).map((bound, index) => open(bounds[index]!, bound));
}

function fromRelation(
  parts: readonly MathNode[],
  operators: readonly Relation[],
  judge: Judge,
): readonly Interval[] | undefined {
  const [first, second, third] = parts;
  if (operators.length === 1) return fromComparison(first!, operators[0]!, second!, judge);
  if (operators.length !== 2) return undefined;
  if (operators.every((operator) => operator === '>' || operator === '\\ge')) {
    return fromRelation([third!, second!, first!], [mirror[operators[1]!], mirror[operators[0]!]], judge);
  }
  if (!operators.every((operator) => operator === '<' || operator === '\\le')) return undefined;
  const [isLowClosed, isHighClosed] = [operators[0] === '\\le', operators[1] === '\\le'];
  const between: Interval = { low: first!, high: third!, isLowClosed, isHighClosed };
  if (isName(second!)) return [between];
  return isAbsoluteName(second!) ? [between, reflect(between)] : undefined;
}

/** The relation that says the same with its sides exchanged. */
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
  judge: Judge,
): readonly Interval[] | undefined {
  if (operator === '\\in') return isName(left) ? toIntervals(right, judge) : undefined;
  if (!isName(left) && !isAbsoluteName(left)) {
    const isTurned = isName(right) || isAbsoluteName(right);
    return isTurned && operator in mirror ? fromComparison(right, mirror[operator], left, judge) : undefined;
  }
  if (isName(right) && !isName(left)) return undefined;
  const isClosed = operator === '\\le' || operator === '\\ge';
  const below = operator === '<' || operator === '\\le';
  if (operator === '\\ne')
    return isName(left) ? [open(minusInfinity, right), open(right, infinity)] : undefined;
  if (!below && operator !== '>' && operator !== '\\ge') return undefined;
  if (isName(left)) {
    return below
      ? [{ low: minusInfinity, high: right, isLowClosed: false, isHighClosed: isClosed }]
      : [{ low: right, high: infinity, isLowClosed: isClosed, isHighClosed: false }];
  }
  if (below) return [{ low: negate(right), high: right, isLowClosed: isClosed, isHighClosed: isClosed }];
  const above: Interval = { low: right, high: infinity, isLowClosed: isClosed, isHighClosed: false };
  return [above, reflect(above)];
}

function reflect(interval: Interval): Interval {
  return {
    low: negate(interval.high),
    high: negate(interval.low),
    isLowClosed: interval.isHighClosed,
    isHighClosed: interval.isLowClosed,
  };
}

function open(low: MathNode, high: MathNode): Interval {
  return { low, high, isLowClosed: false, isHighClosed: false };
}

function isInfinite(node: MathNode): boolean {
  if (node.kind === 'negate') return isInfinite(node.operand);
  return node.kind === 'constant' && node.name === 'infty';
}

function isAbsoluteName(node: MathNode): boolean {
  return node.kind === 'function' && node.name === 'abs' && isName(node.operands[0]!);
}
