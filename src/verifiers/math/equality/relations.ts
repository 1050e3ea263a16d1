import { binary } from '../read/build.ts';
import { constantRatio, hasVariables } from './probes.ts';
import { mirror, toIntervals } from './intervals.ts';
import { realLine, sameStretches } from './interval-unions.ts';
import type { Comparing } from './comparing.ts';
import { assignedValue, isDenied, isEquation, lastExactPart } from './names.ts';
import { type MathNode, sameTree } from '../syntax.ts';

type RelationTree = Extract<MathNode, { kind: 'relation' }>;

/** Returns whether `compareRelations` applies to an answer: to relations, set algebra and the real line. */
export function involvesRelation(node: MathNode): boolean {
  const isRealLine = node.kind === 'constant' && node.name === 'reals';
  return node.kind === 'relation' || node.kind === 'setOperation' || isRealLine || isInequalityList(node);
}

/** Returns whether several inequalities form one union: `x < 2` or `x > 3`. */
export function isInequalityList(node: MathNode): boolean {
  return node.kind === 'list' && node.items.every((item) => item.kind === 'relation' && !isEquation(item));
}

/**
 * Compares answers, at least one of which is a relation or set algebra; returns the rule under which they are equal.
 */
export function compareRelations(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  if (isDenied(gold) || isDenied(answer)) return undefined;
  if (isEquation(gold) || isEquation(answer)) return compareEquations(gold, answer, comparing);
  if (isNameOfReals(answer) && isWholeLine(gold, comparing)) return 'same set';
  const isAllowed = comparing.policy.inequalities === 'as-sets' || !isSetForInequality(gold, answer);
  const [left, right] = [toIntervals(gold, comparing), toIntervals(answer, comparing)];
  if (left && right && isAllowed)
    return sameStretches(left, right, comparing) ? 'same stretches of the real line' : undefined;
  if (gold.kind === 'relation' && answer.kind === 'relation') {
    return sameInequality(gold, answer, comparing)
      ? 'same inequality'
      : compareParts(gold, answer, comparing);
  }
  return compareMembership(gold, answer, comparing);
}

/** Returns whether a node is `R` or `\mathbf{R}`, which names the reals if the gold is all real numbers. */
function isNameOfReals(node: MathNode): boolean {
  return (node.kind === 'variable' && node.name === 'R') || (node.kind === 'text' && node.text === 'R');
}

function isWholeLine(node: MathNode, comparing: Comparing): boolean {
  const stretches = toIntervals(node, comparing);
  return stretches !== undefined && sameStretches(stretches, [realLine], comparing);
}

/** Returns whether the gold is written as a set and the answer as an inequality. */
function isSetForInequality(gold: MathNode, answer: MathNode): boolean {
  const isInequality = (node: MathNode): boolean => node.kind === 'relation' && node.operators[0] !== '\\in';
  return !isInequality(gold) && isInequality(answer);
}

/** Compares `x \in S` with S. */
function compareMembership(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  const [claimed, found] = [assignedValue(gold), assignedValue(answer)];
  if (claimed) return comparing.equal(claimed.value, answer);
  if (found) return comparing.equal(gold, found.value);
  if (gold.kind !== 'setOperation' || answer.kind !== 'setOperation' || gold.operator !== answer.operator)
    return undefined;
  const isSame =
    comparing.equal(gold.left, answer.left) !== undefined &&
    comparing.equal(gold.right, answer.right) !== undefined;
  return isSame ? 'same sets' : undefined;
}

function compareEquations(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  if (gold.kind === 'relation' && answer.kind === 'relation') {
    return isEquation(gold) && isEquation(answer) ? compareTwoEquations(gold, answer, comparing) : undefined;
  }
  if (gold.kind === 'relation') {
    const value = equationValue(gold, answer);
    return value && comparing.equal(value, answer);
  }
  if (answer.kind !== 'relation') return undefined;
  const value = equationValue(answer, gold) ?? claimedValue(answer, gold);
  return value && comparing.equal(gold, value);
}

/** Returns the value that an equation claims if the other answer is only a value, else undefined. */
function equationValue(equation: RelationTree, other: MathNode): MathNode | undefined {
  const assigned = assignedValue(equation);
  if (assigned) return assigned.value;
  const isCalculation = !hasVariables(equation) && !hasVariables(other);
  return isCalculation ? equation.parts[lastExactPart(equation, 0)] : undefined;
}

/**
 * Returns the value that an equation claims: `m + n = 42` and `42 = m + n` answer a gold that is the value 42. Returns
 * undefined for an equation set to 0, which is more often a curve than a claim, and if the gold is an equation.
 */
function claimedValue(equation: RelationTree, gold: MathNode): MathNode | undefined {
  const last = equation.parts[lastExactPart(equation, 1)]!;
  const isTurned = equation.parts.length === 2 && hasVariables(last);
  const value = isTurned ? equation.parts[0]! : last;
  const isZero = value.kind === 'number' && value.value.numerator === 0n;
  return isZero || hasVariables(gold) || hasVariables(value) ? undefined : value;
}

function compareTwoEquations(
  gold: RelationTree,
  answer: RelationTree,
  comparing: Comparing,
): string | undefined {
  const [a, b] = [assignedValue(gold), assignedValue(answer)];
  if (a && b && (sameTree(a.name, b.name) || isGraph(a.name, b.name) || isGraph(b.name, a.name))) {
    const rule = comparing.equal(a.value, b.value);
    if (rule !== undefined) return rule;
  }
  if (gold.parts.length !== 2 || answer.parts.length !== 2) return compareParts(gold, answer, comparing);
  const isCalculation = !hasVariables(gold) && !hasVariables(answer);
  if (isCalculation)
    return comparing.equal(gold.parts[lastExactPart(gold, 0)]!, answer.parts[lastExactPart(answer, 0)]!);
  const ratio = constantRatio(difference(gold), difference(answer), comparing);
  return ratio === undefined
    ? compareParts(gold, answer, comparing)
    : 'equations differ by a constant factor';
}

/**
 * Returns whether both inequalities make the same claim about one difference, up to a factor whose sign may reverse the
 * relation.
 */
function sameInequality(gold: RelationTree, answer: RelationTree, comparing: Comparing): boolean {
  if (gold.parts.length !== 2 || answer.parts.length !== 2) return false;
  const ratio = constantRatio(difference(gold), difference(answer), comparing);
  if (ratio === undefined) return false;
  const [operator, other] = [gold.operators[0]!, answer.operators[0]!];
  return operator === (ratio < 0 ? mirror[other] : other);
}

/** Compares relations part by part, forwards or backwards: `f(2) < f(1)` and `f(1) > f(2)`. */
function compareParts(gold: RelationTree, answer: RelationTree, comparing: Comparing): string | undefined {
  if (gold.parts.length !== answer.parts.length) return undefined;
  const matches = (parts: readonly MathNode[], operators: readonly string[]): boolean =>
    gold.operators.every((operator, index) => operator === operators[index]) &&
    gold.parts.every((part, index) => comparing.equal(part, parts[index]!) !== undefined);
  const backwards = answer.operators.map((operator) => mirror[operator]).toReversed();
  const isSame = matches(answer.parts, answer.operators) || matches(answer.parts.toReversed(), backwards);
  return isSame ? 'same relation part by part' : undefined;
}

/** Returns whether two left sides describe the same graph, as in `f(x) = …` and `y = …`. */
function isGraph(one: MathNode, other: MathNode): boolean {
  const isOfOneName =
    one.kind === 'call' && one.operands.length === 1 && one.operands[0]!.kind === 'variable';
  return isOfOneName && other.kind === 'variable' && other.name === 'y';
}

function difference(relation: RelationTree): MathNode {
  return binary('subtract', relation.parts[0]!, relation.parts[1]!);
}
