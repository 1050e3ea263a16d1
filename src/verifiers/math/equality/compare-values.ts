import { type MathNode, sameTree, someNode } from '../syntax.ts';
import { approximateValue, type Point } from '../value/approximate.ts';
import { type Complex, isClose, isFiniteComplex, modulus } from '../value/complex.ts';
import { agreeOnlyIfEqual } from '../value/description-length.ts';
import { exactValue } from '../value/exact.ts';
import { sameRealValue } from '../value/precise.ts';
import { multiplyRationals, type Rational, sameRational, wholeNumber } from '../value/rational.ts';
import type { Comparing } from './comparing.ts';
import { compareAtProbes, type ProbeRule } from './probes.ts';
import { decimalTolerance, hasDecimals, plainDecimal, roundsToGold, roundsTogether } from './rounding.ts';

/** The rule under which two expressions are equal. */
export type ValueRule = ProbeRule | 'same value to rounding error' | 'same power' | 'rounds to the decimal';

const noPoint: Point = new Map();
const noValues: ReadonlyMap<string, Rational> = new Map();

/**
 * Compares two expressions by value: exactly if both are rational, else in doubles if these suffice, or else in
 * high-precision numbers. Which one is the gold matters only if one is a decimal and the other is exact. Returns
 * undefined if they differ.
 */
export function compareValues(gold: MathNode, answer: MathNode, comparing: Comparing): ValueRule | undefined {
  if (needsPoint(gold) || needsPoint(answer)) return compareAtProbes(gold, answer, comparing);
  const a = exactValue(gold, noValues, comparing.budget);
  const b = exactValue(answer, noValues, comparing.budget);
  if (a === undefined || b === undefined) return compareConstants(gold, answer, a ?? b, comparing);
  if (sameRational(a, b)) return 'same value exactly';
  return roundsTogether(gold, answer, a, b, comparing) ? 'rounds to the decimal' : undefined;
}

/** Compares constants, at most one of which has a known exact value (`exact`). */
function compareConstants(
  gold: MathNode,
  answer: MathNode,
  exact: Rational | undefined,
  comparing: Comparing,
): ValueRule | undefined {
  const a = approximateValue(gold, noPoint, comparing.budget);
  const b = approximateValue(answer, noPoint, comparing.budget);
  const isCertain = exact === undefined || modulus(a) <= Number.MAX_SAFE_INTEGER;
  if (!isCertain || !isOrdinary(a) || !isOrdinary(b)) return compareExtremes(gold, answer, comparing);
  if (isClose(a, b, 0) && isReallySame(gold, answer, comparing)) return 'same value to rounding error';
  if (a.im !== 0 || b.im !== 0) return undefined;
  return meetsDecimal(gold, answer, a, b) ? 'rounds to the decimal' : undefined;
}

/**
 * Confirms that two constants whose doubles agree are equal. A decimal is never more precise than a double and needs no
 * confirmation.
 */
function isReallySame(gold: MathNode, answer: MathNode, { budget }: Comparing): boolean {
  if (plainDecimal(gold) || plainDecimal(answer) || agreeOnlyIfEqual(gold, answer)) return true;
  return sameRealValue(gold, answer, budget) !== false;
}

/**
 * Compares an irrational value with a decimal: an answer may round to the gold, but the gold may not round to the
 * answer.
 */
function meetsDecimal(gold: MathNode, answer: MathNode, a: Complex, b: Complex): boolean {
  const decimal = plainDecimal(gold);
  if (decimal) return roundsToGold(b.re, decimal);
  if (plainDecimal(answer)) return false;
  return (hasDecimals(gold) || hasDecimals(answer)) && isClose(a, b, decimalTolerance);
}

/** Compares values that doubles cannot distinguish or represent: by form, as powers, or in high-precision numbers. */
function compareExtremes(gold: MathNode, answer: MathNode, comparing: Comparing): ValueRule | undefined {
  if (sameTree(gold, answer)) return 'same form';
  const [a, b] = [primitivePower(gold, comparing), primitivePower(answer, comparing)];
  if (a !== undefined && b !== undefined)
    return a.base === b.base && sameRational(a.exponent, b.exponent) ? 'same power' : undefined;
  return sameRealValue(gold, answer, comparing.budget) === true ? 'same value to rounding error' : undefined;
}

/** Largest base up to which integer roots are tried. */
const largestBase = 1_000_000n;

/**
 * Returns a power whose base is a whole number above 1 and whose exponent is exact, with the smallest base: 4^500 gives
 * 2^1000. Returns undefined for other forms.
 */
function primitivePower(
  node: MathNode,
  { budget }: Comparing,
): { readonly base: bigint; readonly exponent: Rational } | undefined {
  if (node.kind !== 'power') return undefined;
  const base = wholeNumber(exactValue(node.left, noValues, budget));
  const exponent = exactValue(node.right, noValues, budget);
  if (base === undefined || exponent === undefined || base < 2n || base > largestBase) return undefined;
  for (let root = 2n; root * root <= base; root++) {
    let [power, degree] = [root, 1n];
    while (power < base) [power, degree] = [power * root, degree + 1n];
    if (power !== base) continue;
    const scaled = multiplyRationals(exponent, { numerator: degree, denominator: 1n }, budget);
    return scaled && { base: root, exponent: scaled };
  }
  return { base, exponent };
}

/** Returns whether a value neither overflowed nor underflowed. */
function isOrdinary(z: Complex): boolean {
  const size = modulus(z);
  return isFiniteComplex(z) && (size > 1e-290 || z.error > 0) && size < 1e290;
}

/** Returns whether an expression contains variables or a function of unknown meaning. */
function needsPoint(node: MathNode): boolean {
  return someNode(node, ({ kind }) => kind === 'variable' || kind === 'call');
}
