import { binary, negate } from '../read/build.ts';
import type { Comparing } from './comparing.ts';
import { assignedValue, isEquation } from './names.ts';
import { isEmptySet } from './words.ts';
import { mapChildren, type MathNode, sameTree, someNode } from '../syntax.ts';

type Collection = Extract<MathNode, { kind: 'list' | 'tuple' | 'set' }>;

/** Returns whether a node is a sequence or set of answers, or two answers in one (±). */
export function isCollection(node: MathNode): boolean {
  return ['list', 'tuple', 'set'].includes(node.kind) || isEmptySet(node) || hasSign(node);
}

/**
 * Compares two answers, at least one of which is a list, tuple, set or ±; returns the rule under which they are equal.
 */
export function compareCollections(
  gold: MathNode,
  answer: MathNode,
  comparing: Comparing,
): string | undefined {
  const [left, right] = [toCollection(gold), toCollection(answer)];
  if (left && right) return compareTwo(left, right, comparing);
  const [collection, single] = left ? [left, answer] : [right!, gold];
  if (collection.kind === 'set' && collection.items.length === 1) {
    return left
      ? comparing.equal(collection.items[0]!, single)
      : comparing.equal(single, collection.items[0]!);
  }
  const isRepeated =
    collection.kind === 'list' &&
    collection.items.every((item) => comparing.equal(single, item) !== undefined);
  if (isRepeated) return 'the same value, written more than once';
  const point = namedPoint(single);
  if (point !== undefined) return left ? comparing.equal(gold, point) : comparing.equal(point, answer);
  const assigned = assignedValue(single);
  if (assigned === undefined) return undefined;
  return left ? comparing.equal(gold, assigned.value) : comparing.equal(assigned.value, answer);
}

/** Returns the tuple (1, 2) in `A(1, 2)`, a named point; undefined for other nodes. */
function namedPoint(node: MathNode): MathNode | undefined {
  if (node.kind === 'call' && node.operands.length > 1)
    return { kind: 'tuple', open: '(', close: ')', items: node.operands };
  const isNamed = node.kind === 'multiply' && node.left.kind === 'variable' && /^[A-Z]/.test(node.left.name);
  return isNamed && node.right.kind === 'tuple' ? node.right : undefined;
}

function compareTwo(gold: Collection, answer: Collection, comparing: Comparing): string | undefined {
  if (gold.kind === 'tuple' || answer.kind === 'tuple') {
    if (gold.kind === 'set' || answer.kind === 'set') return undefined;
    if (gold.kind === 'tuple' && answer.kind === 'tuple' && !sameBrackets(gold, answer)) return undefined;
    if (gold.kind !== answer.kind && (isInterval(gold) || isInterval(answer))) return undefined;
    const isBothTuples = gold.kind === answer.kind;
    const isSame = sameInOrder(
      isBothTuples ? gold.items : values(gold.items),
      isBothTuples ? answer.items : values(answer.items),
      comparing,
    );
    return isSame ? 'same items in order' : undefined;
  }
  const isOrdered = comparing.policy.lists === 'ordered' && gold.kind === 'list' && answer.kind === 'list';
  const isForgiving = [gold, answer].some((side) => side.kind === 'set' || side.items.every(isPoint));
  const same = isOrdered ? sameInOrder : isForgiving ? sameDistinct : sameInAnyOrder;
  const rule = isOrdered ? 'same items in order' : 'same items in any order';
  const [left, right] = [spread(gold.items), spread(answer.items)];
  if (left.every(isEquation) && right.every(isEquation)) {
    if (same(left, right, comparing)) return rule;
    const isOneUnknown = hasOneName(left)
      ? hasOneName(right, true)
      : hasOneName(left, true) && hasOneName(right);
    return isOneUnknown && same(values(left), values(right), comparing) ? rule : undefined;
  }
  return same(values(left), values(right), comparing) ? rule : undefined;
}

/** Returns whether a collection is an interval (`[a, b]`, `[a, b)`), which is more than a list of two numbers. */
function isInterval(node: Collection): boolean {
  return node.kind === 'tuple' && node.items.length === 2 && (node.open === '[' || node.close === ']');
}

/**
 * Returns whether the brackets agree where they are part of the answer, as with two items: (a, b) is a point or an open
 * interval, but [a, b] is a closed interval.
 */
function sameBrackets(
  gold: Extract<Collection, { kind: 'tuple' }>,
  answer: Extract<Collection, { kind: 'tuple' }>,
): boolean {
  if (gold.items.length !== 2 || gold.open === '⟨' || answer.open === '⟨') return true;
  const isInfiniteEnd = (node: MathNode): boolean =>
    someNode(node, (child) => child.kind === 'constant' && child.name === 'infty');
  const isLowFree = isInfiniteEnd(gold.items[0]!);
  const isHighFree = isInfiniteEnd(gold.items[1]!);
  return (isLowFree || gold.open === answer.open) && (isHighFree || gold.close === answer.close);
}

function sameInOrder(gold: readonly MathNode[], answer: readonly MathNode[], comparing: Comparing): boolean {
  return (
    gold.length === answer.length &&
    gold.every((item, index) => comparing.equal(item, answer[index]!) !== undefined)
  );
}

function sameInAnyOrder(
  gold: readonly MathNode[],
  answer: readonly MathNode[],
  comparing: Comparing,
): boolean {
  const left = [...answer];
  return (
    gold.length === left.length &&
    gold.every((item) => {
      const index = left.findIndex((candidate) => comparing.equal(item, candidate) !== undefined);
      if (index >= 0) left.splice(index, 1);
      return index >= 0;
    })
  );
}

function isPoint(node: MathNode): boolean {
  return node.kind === 'tuple';
}

/**
 * Compares items, ignoring repeats. For sets and lists of points only: a repeated number in a list is a double root.
 */
function sameDistinct(gold: readonly MathNode[], answer: readonly MathNode[], comparing: Comparing): boolean {
  return sameInAnyOrder(distinct(gold), distinct(answer), comparing);
}

/**
 * Returns lists, tuples and sets, and a ± as the list of its two values; expands the ± in every item. Returns undefined
 * for other nodes.
 */
function toCollection(node: MathNode): Collection | undefined {
  if (isEmptySet(node)) return { kind: 'set', items: [] };
  if (node.kind === 'tuple') return node;
  if (node.kind === 'list' || node.kind === 'set')
    return { kind: node.kind, items: node.items.flatMap(bothSigns) };
  return hasSign(node) ? { kind: 'list', items: bothSigns(node) } : undefined;
}

/** Returns both readings of an item that contains a ±; otherwise only the item. */
function bothSigns(node: MathNode): readonly MathNode[] {
  return hasSign(node) ? [withSign(node, true), withSign(node, false)] : [node];
}

function hasSign(node: MathNode): boolean {
  return node.kind !== 'list' && node.kind !== 'set' && someNode(node, (child) => child.kind === 'plusMinus');
}

function withSign(node: MathNode, isUpper: boolean): MathNode {
  if (node.kind !== 'plusMinus') return mapChildren(node, (child) => withSign(child, isUpper));
  const right = withSign(node.right, isUpper);
  const isAdded = isUpper !== node.isFlipped;
  if (node.left === undefined) return isAdded ? right : negate(right);
  return binary(isAdded ? 'add' : 'subtract', withSign(node.left, isUpper), right);
}

/** Returns the values in `a = 4, -8, -10`, which assigns three values to a; returns other items unchanged. */
function spread(items: readonly MathNode[]): readonly MathNode[] {
  const [first, ...rest] = items;
  const isShared =
    first !== undefined &&
    isEquation(first) &&
    rest.length > 0 &&
    !rest.some((item) => item.kind === 'relation');
  return isShared ? [assignedValue(first)?.value ?? first, ...rest] : items;
}

/** Returns the assigned values of items that assign a value, and all other items unchanged. */
function values(items: readonly MathNode[]): readonly MathNode[] {
  return items.map((item) => assignedValue(item)?.value ?? item);
}

/**
 * Returns whether all items assign a value to the same name, as in `x = 1, x = 2`. With `isIndexed`, names may differ
 * in their index, as in `x_1 = 1, x_2 = 2`, the roots of one unknown.
 */
function hasOneName(items: readonly MathNode[], isIndexed = false): boolean {
  const names = items.map((item) => {
    const name = assignedValue(item)?.name;
    return isIndexed && name?.kind === 'variable' ? { ...name, name: name.name.replace(/_\d$/, '') } : name;
  });
  return names.every((name) => name !== undefined && sameTree(name, names[0]!));
}

function distinct(items: readonly MathNode[]): MathNode[] {
  return items.filter((item, index) => !items.slice(0, index).some((earlier) => sameTree(earlier, item)));
}
