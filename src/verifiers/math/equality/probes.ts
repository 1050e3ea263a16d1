import { approximateValue, type Point } from '../value/approximate.ts';
import { isClose, isFiniteComplex, modulus } from '../value/complex.ts';
import { exactValue } from '../value/exact.ts';
import { rational, sameRational } from '../value/rational.ts';
import { type MathNode, sameTree, someNode } from '../syntax.ts';
import { sameRealValue } from '../value/precise.ts';
import type { Comparing } from './comparing.ts';
import { hasDecimals } from './rounding.ts';

/** The rule under which two expressions with variables are equal. */
export type ProbeRule = 'same value exactly' | 'same at every probe point' | 'same form';

/** Relative tolerance at probe points, where large terms may cancel. */
const probeTolerance = 1e-9;
/** The same tolerance for expressions with decimals, whose rounding errors add up. */
const decimalProbeTolerance = 5e-6;
/**
 * Number of points at which all variables are positive. At the other points, some are negative; these count only if
 * both results are real.
 */
const positivePoints = 4;
/**
 * Signs of the values at the remaining points: all negative, then alternating, so that √(x²) differs from x, and
 * √(x²y²) from xy.
 */
const signPatterns: readonly ((index: number) => number)[] = [
  () => -1,
  () => -1,
  (index) => (index % 2 === 0 ? -1 : 1),
  (index) => (index % 2 === 0 ? 1 : -1),
];

/**
 * Compares expressions with variables at fixed points: exactly at whole numbers if both are rational functions,
 * otherwise in complex floating point. Both must have values at two or more points.
 */
export function compareAtProbes(
  gold: MathNode,
  answer: MathNode,
  comparing: Comparing,
): ProbeRule | undefined {
  if (sameTree(gold, answer)) return 'same form';
  const names = variableNames(gold, answer);
  const exact = compareAtWholePoints(gold, answer, names, comparing);
  if (exact !== undefined) return exact ? 'same value exactly' : undefined;
  const tolerance = hasDecimals(gold) || hasDecimals(answer) ? decimalProbeTolerance : probeTolerance;
  let agreeing = 0;
  for (let probe = 0; probe < positivePoints + patternsFor(names); probe++) {
    const point = probePoint(names, probe);
    const a = approximateValue(gold, point, comparing.budget);
    const b = approximateValue(answer, point, comparing.budget);
    const isOffTheLine = probe >= positivePoints && (a.im !== 0 || b.im !== 0);
    if (!isFiniteComplex(a) || !isFiniteComplex(b) || isOffTheLine) continue;
    if (!isClose(a, b, tolerance)) return undefined;
    agreeing++;
  }
  if (agreeing < 2 || differsInLongNumbers(gold, answer, names, comparing)) return undefined;
  return 'same at every probe point';
}

/** Number of points at which expressions are compared with high-precision numbers. */
const longProbes = 2;

/** Returns whether doubles agree at probe points but high-precision numbers do not, as for sinh 40x and cosh 40x. */
function differsInLongNumbers(
  gold: MathNode,
  answer: MathNode,
  names: readonly string[],
  { budget }: Comparing,
): boolean {
  if (hasDecimals(gold) || hasDecimals(answer)) return false;
  const hasNearMiss = (node: MathNode): boolean => someNode(node, isSum) && someNode(node, isVeryUnequal);
  if (!hasNearMiss(gold) && !hasNearMiss(answer)) return false;
  for (let probe = 0; probe < longProbes; probe++)
    if (sameRealValue(gold, answer, budget, probePoint(names, probe)) === false) return true;
  return false;
}

/** Returns whether a node is a sum or a difference, or a function defined by one, such as sinh. */
function isSum(node: MathNode): boolean {
  if (node.kind === 'function') return ['sinh', 'cosh', 'tanh', 'arctan'].includes(node.name);
  return node.kind === 'add' || node.kind === 'subtract';
}

/**
 * Returns whether a node is an exponential, high power or long number, whose value may be much larger or smaller than
 * that of the other summands.
 */
function isVeryUnequal(node: MathNode): boolean {
  switch (node.kind) {
    case 'number':
      return (
        node.value.numerator > largestTame ||
        node.value.numerator < -largestTame ||
        node.value.denominator > largestTame
      );
    case 'power':
      return node.right.kind === 'number'
        ? node.right.value.numerator > 8n
        : variableNames(node.right).length > 0;
    case 'function':
      return ['sinh', 'cosh', 'tanh', 'exp', 'arctan'].includes(node.name);
    default:
      return false;
  }
}

const largestTame = 10_000n;

/** Returns the factor between two expressions if it is the same at every probe point, else undefined. */
export function constantRatio(a: MathNode, b: MathNode, comparing: Comparing): number | undefined {
  const names = variableNames(a, b);
  let ratio: number | undefined;
  let agreeing = 0;
  for (let probe = 0; probe < positivePoints; probe++) {
    const point = probePoint(names, probe);
    const [left, right] = [
      approximateValue(a, point, comparing.budget),
      approximateValue(b, point, comparing.budget),
    ];
    if (!isFiniteComplex(left) || !isFiniteComplex(right)) continue;
    if (modulus(right) <= 10 * right.error || modulus(left) <= 10 * left.error) return undefined;
    const quotient = (left.re * right.re + left.im * right.im) / modulus(right) ** 2;
    const isReal = Math.abs(left.re * right.im - left.im * right.re) <= 1e-9 * modulus(left) * modulus(right);
    if (!isReal || (ratio !== undefined && Math.abs(quotient - ratio) > 1e-8 * Math.abs(ratio)))
      return undefined;
    ratio = quotient;
    agreeing++;
  }
  return agreeing >= 2 ? ratio : undefined;
}

/** Returns the sorted names of the variables in either expression. */
function variableNames(...nodes: readonly MathNode[]): readonly string[] {
  const names = new Set<string>();
  const collect = (node: MathNode): boolean => {
    if (node.kind === 'variable') names.add(node.name);
    return false;
  };
  for (const node of nodes) someNode(node, collect);
  return [...names].toSorted();
}

/** Returns whether an expression contains a variable. */
export function hasVariables(node: MathNode): boolean {
  return someNode(node, isVariable);
}

function isVariable(node: MathNode): boolean {
  return node.kind === 'variable';
}

/**
 * Compares exactly at whole-number points. Returns undefined unless both expressions are rational functions without
 * decimals, which may be rounded.
 */
function compareAtWholePoints(
  gold: MathNode,
  answer: MathNode,
  names: readonly string[],
  comparing: Comparing,
): boolean | undefined {
  if (hasDecimals(gold) || hasDecimals(answer)) return undefined;
  const hasSigns = someNode(gold, dependsOnSign) || someNode(answer, dependsOnSign);
  if (hasSigns && (someNode(gold, isTrivialForWholes) || someNode(answer, isTrivialForWholes)))
    return undefined;
  let agreeing = 0;
  for (let probe = 0; probe < (hasSigns ? 3 + patternsFor(names) : 3); probe++) {
    if (probe === 3 && agreeing < 2) break;
    const values = new Map(
      names.map((name, index) => [
        name,
        rational(primeAt(index * 3 + (probe % 3)) * BigInt(signAt(probe - 3, index)))!,
      ]),
    );
    const [a, b] = [exactValue(gold, values, comparing.budget), exactValue(answer, values, comparing.budget)];
    if (a === undefined || b === undefined) continue;
    if (!sameRational(a, b)) return false;
    agreeing++;
  }
  return agreeing >= 2 ? true : undefined;
}

/** Returns whether whole numbers cannot distinguish a function from a simpler one, such as ⌊x⌋ from x. */
function isTrivialForWholes(node: MathNode): boolean {
  return node.kind === 'function' && ['floor', 'ceil', 'mod'].includes(node.name);
}

const primes = [7n, 101n, 53n, 13n, 89n, 41n, 29n, 73n, 97n, 17n, 61n, 37n, 11n, 83n, 47n, 19n, 67n, 31n];

function primeAt(index: number): bigint {
  return primes[index % primes.length]!;
}

/**
 * Returns values between 0.37 and 2.3, spread by two irrational steps so that no two variables or points share a value.
 */
function probePoint(names: readonly string[], probe: number): Point {
  const valueOf = (index: number): number =>
    0.37 + (((index + 1) * 0.6180339887 + (probe + 1) * 0.7548776662) % 1.93);
  return new Map(names.map((name, index) => [name, signAt(probe - positivePoints, index) * valueOf(index)]));
}

/**
 * Returns whether an expression must also be compared at negative values: roots and absolute values, unlike rational
 * functions, may agree at all positive values and nowhere else.
 */
function dependsOnSign(node: MathNode): boolean {
  return node.kind === 'function' || (node.kind === 'power' && node.right.kind !== 'number');
}

function patternsFor(names: readonly string[]): number {
  return names.length > 1 ? signPatterns.length : 2;
}

function signAt(pattern: number, index: number): number {
  return signPatterns[pattern]?.(index) ?? 1;
}
