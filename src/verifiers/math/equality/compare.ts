import type { Budget } from '../budget.ts';
import { compareCollections, isCollection } from './collections.ts';
import { compareValues } from './compare-values.ts';
import { hasVariables } from './probes.ts';
import type { Comparing } from './comparing.ts';
import { compareLiterals, compareSpans, isSpan } from './literals.ts';
import type { MathPolicy } from '../comparison-policy.ts';
import { hasDecimals } from './rounding.ts';
import { isIntervalList } from './intervals.ts';
import { compareRelations, involvesRelation, isInequalityList } from './relations.ts';
import { binary } from '../read/build.ts';
import { wholeNode } from '../read/numerals.ts';
import { wordedValue } from '../read/worded-values.ts';
import { mapChildren, type MathNode, sameTree } from '../syntax.ts';
import { compareQuantities, compareUnitLetters, withoutUnitLetters } from './units.ts';
import { choiceLetter, isEmptySet, sameChoice, sameWords } from './words.ts';

/**
 * Compares two answers; returns the rule under which they are equal, or undefined. Symmetric, except where the result
 * depends on which one is the gold (percent signs, decimals, ranges, equations for a value). Throws `BudgetExceeded`.
 */
export function compareAnswers(
  gold: MathNode,
  answer: MathNode,
  policy: MathPolicy,
  budget: Budget,
): string | undefined {
  const comparing: Comparing = {
    policy,
    budget,
    equal: (left, right) => compareNodes(left, right, comparing),
  };
  if (policy.variables === 'named') return comparing.equal(gold, answer);
  return comparing.equal(renameVariables(gold), renameVariables(answer));
}

function compareNodes(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  comparing.budget.spend(5);
  if (sameTree(gold, answer)) return 'same form';
  if (choiceLetter(gold) !== undefined || choiceLetter(answer) !== undefined) {
    if (sameChoice(gold, answer)) return 'same choice';
  }
  if (isRealLine(gold)) return compareRelations(gold, answer, comparing);
  if (gold.kind === 'text' || answer.kind === 'text')
    return sameWords(gold, answer) ? 'same words' : compareWorded(gold, answer, comparing);
  if ((isEmptySet(gold) || isEmptySet(answer)) && sameWords(gold, answer)) return 'same words';
  if (gold.kind === 'quantity' || answer.kind === 'quantity')
    return compareQuantities(gold, answer, comparing);
  if (gold.kind === 'matrix' || answer.kind === 'matrix') return compareMatrices(gold, answer, comparing);
  if (gold.kind === 'based' || answer.kind === 'based') return compareBased(gold, answer);
  if (gold.kind === 'percent' || answer.kind === 'percent') return comparePercents(gold, answer, comparing);
  if (isInequalityList(gold) && isInequalityList(answer)) return compareCollections(gold, answer, comparing);
  if (involvesRelation(gold) || involvesRelation(answer)) return compareWithRelation(gold, answer, comparing);
  if (isCollection(gold) || isCollection(answer)) return compareCollections(gold, answer, comparing);
  if (gold.kind === 'literal' || answer.kind === 'literal') return compareLiterals(gold, answer);
  if (gold.kind === 'ratio' && answer.kind === 'ratio') return compareRatios(gold, answer, comparing);
  if (isRatioBesideDecimal(gold, answer) || isRatioBesideDecimal(answer, gold)) return undefined;
  if (isSpan(gold) || (isSpan(answer) && gold.kind === 'ratio')) return compareSpans(gold, answer, comparing);
  if (comparing.policy.unreduced === 'reject' && isUnreduced(answer) !== isUnreduced(gold)) return undefined;
  return compareValues(gold, answer, comparing) ?? compareWithoutUnitLetters(gold, answer, comparing);
}

/**
 * Compares a value in words with a value in digits: "two dozen eggs" is 24. If both are in words, neither may have a
 * unit.
 */
function compareWorded(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  const [left, right] = [valueInWords(gold), valueInWords(answer)];
  if (left !== undefined && right !== undefined)
    return left.kind === 'quantity' || right.kind === 'quantity' ? undefined : comparing.equal(left, right);
  if (left !== undefined) return isPlainValue(answer) ? comparing.equal(left, answer) : undefined;
  return right !== undefined && isPlainValue(gold) ? comparing.equal(gold, right) : undefined;
}

function valueInWords(node: MathNode): MathNode | undefined {
  const worded = node.kind === 'text' ? wordedValue(node.text) : undefined;
  if (worded === undefined) return undefined;
  const { numerator, denominator, unit } = worded;
  const whole = wholeNode(numerator);
  const operand = denominator === 1n ? whole : binary('divide', whole, wholeNode(denominator));
  return unit === '' ? operand : { kind: 'quantity', operand, unit };
}

const valueKinds: ReadonlySet<MathNode['kind']> = new Set([
  'number',
  'negate',
  'add',
  'multiply',
  'divide',
  'power',
  'percent',
  'quantity',
]);

function isPlainValue(node: MathNode): boolean {
  return valueKinds.has(node.kind) && !hasVariables(node);
}

/** Compares `5 m/s`, whose unit is written in plain letters, with `5`. */
function compareWithoutUnitLetters(
  gold: MathNode,
  answer: MathNode,
  comparing: Comparing,
): string | undefined {
  if (comparing.policy.units === 'compare') return undefined;
  const scaled = scaledByLetter(answer);
  if (scaled !== undefined && !hasVariables(gold)) return compareValues(gold, scaled, comparing);
  const [left, right] = [withoutUnitLetters(gold), withoutUnitLetters(answer)];
  if (hasVariables(left) || hasVariables(right)) return undefined;
  if (left !== gold && right !== answer) return compareUnitLetters(gold, answer, comparing);
  if (left === gold && right === answer) return undefined;
  const rule = compareValues(left, right, comparing);
  return rule && `${rule}, units aside`;
}

const scaleLetters: Readonly<Record<string, number>> = { k: 1e3, K: 1e3, M: 1e6, B: 1e9 };

/**
 * Returns 5,000 for `5k`; call it only if the gold has no variables, since `5k` may also be a product. Returns
 * undefined for other nodes.
 */
function scaledByLetter(node: MathNode): MathNode | undefined {
  if (node.kind !== 'multiply' || node.left.kind !== 'number' || node.right.kind !== 'variable')
    return undefined;
  const scale = scaleLetters[node.right.name];
  return scale === undefined ? undefined : binary('multiply', node.left, wholeNode(scale));
}

/**
 * Compares a relation with a list of values (`x = 1, 2`) or with a ± as two lists, and everything else as relations.
 */
function compareWithRelation(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  const isList = isSeveralValues(gold) || isSeveralValues(answer);
  return isList ? compareCollections(gold, answer, comparing) : compareRelations(gold, answer, comparing);
}

function isSeveralValues(node: MathNode): boolean {
  if (['tuple', 'set', 'constant'].includes(node.kind) || isInequalityList(node) || isIntervalList(node))
    return false;
  return isCollection(node);
}

function comparePercents(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  const isBoth = gold.kind === 'percent' && answer.kind === 'percent';
  const isForgiven =
    comparing.policy.percent === 'either' || (comparing.policy.percent === 'gold' && gold.kind === 'percent');
  if (isBoth || isForgiven) {
    const rule = comparing.equal(withoutPercent(gold), withoutPercent(answer));
    if (rule !== undefined) return isBoth ? rule : `${rule}, percent sign aside`;
  }
  if (isBoth || isCollection(gold) || isCollection(answer)) return undefined;
  return compareValues(gold, answer, comparing);
}

function withoutPercent(node: MathNode): MathNode {
  return node.kind === 'percent' ? node.operand : node;
}

function compareMatrices(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  if (gold.kind === 'matrix' && answer.kind === 'matrix') {
    const isSame =
      gold.rows.length === answer.rows.length &&
      gold.rows.every((row, i) => sameEntries(row, answer.rows[i]!, comparing));
    return isSame ? 'same matrix entry by entry' : undefined;
  }
  const [matrix, other] = gold.kind === 'matrix' ? [gold, answer] : [answer, gold];
  const rows = rowsOf(other);
  if (rows !== undefined)
    return gold.kind === 'matrix'
      ? compareMatrices(gold, rows, comparing)
      : compareMatrices(rows, answer, comparing);
  const entries = matrix.kind === 'matrix' && isVector(matrix.rows) ? matrix.rows.flat() : undefined;
  if (entries === undefined || other.kind !== 'tuple') return compareRelated(gold, answer, comparing);
  const isSame =
    gold.kind === 'matrix'
      ? sameEntries(entries, other.items, comparing)
      : sameEntries(other.items, entries, comparing);
  return isSame ? 'same vector entry by entry' : undefined;
}

/** Returns `[[1, 2], [3, 4]]` as a matrix and `\binom{1}{2}` as a column; undefined for other nodes. */
function rowsOf(node: MathNode): (MathNode & { kind: 'matrix' }) | undefined {
  if (node.kind === 'function' && node.name === 'binom')
    return { kind: 'matrix', rows: node.operands.map((entry) => [entry]) };
  if (node.kind !== 'tuple' || node.open !== '[') return undefined;
  const rows = node.items.map((item) =>
    item.kind === 'tuple' && item.open === '[' ? item.items : undefined,
  );
  return rows.every((row) => row !== undefined) ? { kind: 'matrix', rows } : undefined;
}

function compareRelated(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  return involvesRelation(gold) || involvesRelation(answer)
    ? compareRelations(gold, answer, comparing)
    : undefined;
}

function sameEntries(gold: readonly MathNode[], answer: readonly MathNode[], comparing: Comparing): boolean {
  return (
    gold.length === answer.length &&
    gold.every((entry, index) => comparing.equal(entry, answer[index]!) !== undefined)
  );
}

function isVector(rows: readonly (readonly MathNode[])[]): boolean {
  return rows.length === 1 || rows.every((row) => row.length === 1);
}

/** Compares `204_5` with `204`. They are equal, because the question may name the base. */
function compareBased(gold: MathNode, answer: MathNode): string | undefined {
  if (gold.kind === 'based' && answer.kind === 'based') return undefined;
  const [based, plain] = gold.kind === 'based' ? [gold, answer] : [answer, gold];
  const isSame =
    based.kind === 'based' &&
    plain.kind === 'number' &&
    String(plain.value.numerator) === based.digits &&
    plain.places === 0;
  return isSame ? 'same digits, base aside' : undefined;
}

function isRealLine(node: MathNode): boolean {
  return node.kind === 'constant' && node.name === 'reals';
}

/**
 * Returns whether a ratio would be compared with a decimal. This is not allowed: 3:4 may mean the fraction 3/4, but
 * never the amount 0.75.
 */
function isRatioBesideDecimal(node: MathNode, other: MathNode): boolean {
  return node.kind === 'ratio' && other.kind !== 'ratio' && hasDecimals(other);
}

/** Compares ratios: `2:4` is `1:2`, but possible times are not scaled: 10:30 is neither 1:3 nor 20:60. */
function compareRatios(
  gold: MathNode & { kind: 'ratio' },
  answer: MathNode & { kind: 'ratio' },
  comparing: Comparing,
): string | undefined {
  if (gold.isTime !== answer.isTime) return undefined;
  if (sameEntries(gold.items, answer.items, comparing)) return gold.isTime ? 'same time' : 'same ratio';
  const items = [...gold.items, ...answer.items];
  if (gold.items.length !== answer.items.length || items.some(hasVariables)) return undefined;
  const isFixed = (node: MathNode): boolean =>
    node.kind === 'quantity' || (node.kind === 'number' && node.value.numerator === 0n);
  if (gold.isTime || items.some(isFixed)) return undefined;
  const scaled = (terms: readonly MathNode[]): MathNode[] =>
    terms.slice(1).map((term): MathNode => ({ kind: 'divide', left: terms[0]!, right: term }));
  return sameEntries(scaled(gold.items), scaled(answer.items), comparing) ? 'same ratio, scaled' : undefined;
}

/** Returns whether a fraction of whole numbers is not in lowest terms. */
function isUnreduced(node: MathNode): boolean {
  if (node.kind !== 'divide' || node.left.kind !== 'number' || node.right.kind !== 'number') return false;
  let [a, b] = [node.left.value.numerator, node.right.value.numerator];
  while (b !== 0n) [a, b] = [b, a % b];
  return a !== 1n && a !== -1n;
}

/** Renames the variables of an answer in the order in which they appear, so that f(x) and f(y) become the same. */
function renameVariables(node: MathNode): MathNode {
  const names = new Map<string, string>();
  const rename = (child: MathNode): MathNode => {
    if (child.kind !== 'variable') return mapChildren(child, rename);
    if (!names.has(child.name)) names.set(child.name, `x_${names.size}`);
    return { kind: 'variable', name: names.get(child.name)! };
  };
  return rename(node);
}
