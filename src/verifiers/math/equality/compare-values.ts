import { approximateValue, type Point } from '../value/approximate.ts';
import { type Complex, isFiniteComplex, modulus } from '../value/complex.ts';
import { exactValue } from '../value/exact.ts';
import { magnitudeOf, sameMagnitude } from '../value/magnitude.ts';
import type { Judge } from './judge.ts';
import { compareRationals, type Rational, rational, sameRational, toNumber } from '../value/rational.ts';
import { type MathNode, type NumberNode, sameTree, someNode } from '../syntax.ts';

/** Which rule decided, or `different`. */
export type ValueRule =
  | 'same value exactly'
  | 'same value to 12 digits'
  | 'rounds to the decimal'
  | 'same at every probe point'
  | 'same form'
  | 'different';

/** Relative tolerance between expressions without decimals; what floating point leaves of exactness. */
const exactTolerance = 1e-12;
/** The same at probe points, where large terms may cancel. */
const probeTolerance = 1e-9;
/** Relative tolerance between expressions that contain decimals. */
const decimalTolerance = 1e-6;
/** With decimals at probe points, where rounded coefficients add up. */
const decimalProbeTolerance = 5e-6;
/** Significant digits a decimal needs before something may round to it. */
const digits = {
  /** A decimal gold, met by an exact answer. */
  decimalGold: 3,
  /** A decimal gold, met by a longer decimal. */
  betweenDecimals: 5,
  /** A decimal answer that is shorter than the decimal gold. */
  shorterAnswer: 7,
};

const noPoint: Point = new Map();
const noValues: ReadonlyMap<string, Rational> = new Map();
const probeCount = 4;

/** Are two expressions equal in value? `gold` matters only where a decimal meets an exact value. */
export function compareValues(gold: MathNode, answer: MathNode, judge: Judge): ValueRule {
  const names = variableNames(gold, answer);
  const isSymbolic =
    names.length > 0 || someNode(gold, isUnknownFunction) || someNode(answer, isUnknownFunction);
  if (isSymbolic) return compareAtProbes(gold, answer, names, judge);
  const [exactGold, exactAnswer] = [
    exactValue(gold, noValues, judge.budget),
    exactValue(answer, noValues, judge.budget),
  ];
  if (exactGold && exactAnswer) {
    if (sameRational(exactGold, exactAnswer)) return 'same value exactly';
    return roundsTogether(gold, answer, exactGold, exactAnswer, judge)
      ? 'rounds to the decimal'
      : 'different';
  }
  return compareConstants(gold, answer, exactGold, exactAnswer, judge);
}

/** The constant factor between two expressions at every probe point; nothing if there is none. */
export function constantRatio(a: MathNode, b: MathNode, judge: Judge): number | undefined {
  const names = variableNames(a, b);
  let ratio: number | undefined;
  let agreeing = 0;
  for (let probe = 0; probe < probeCount; probe++) {
    const point = probePoint(names, probe);
    const [left, right] = [
      approximateValue(a, point, judge.budget),
      approximateValue(b, point, judge.budget),
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

/** Names of the variables in either expression, sorted. */
export function variableNames(...nodes: readonly MathNode[]): readonly string[] {
  const names = new Set<string>();
  const collect = (node: MathNode): boolean => {
    if (node.kind === 'variable') names.add(node.name);
    return false;
  };
  for (const node of nodes) someNode(node, collect);
  return [...names].toSorted();
}

function compareConstants(
  gold: MathNode,
  answer: MathNode,
  exactGold: Rational | undefined,
  exactAnswer: Rational | undefined,
  judge: Judge,
): ValueRule {
  const [a, b] = [
    approximateValue(gold, noPoint, judge.budget),
    approximateValue(answer, noPoint, judge.budget),
  ];
  if (!isOrdinary(a) || !isOrdinary(b)) return compareExtremes(gold, answer, judge);
  const hasDecimals = someNode(gold, isDecimal) || someNode(answer, isDecimal);
  if (isClose(a, b, exactTolerance)) return 'same value to 12 digits';
  if (!hasDecimals || a.im !== 0 || b.im !== 0) return 'different';
  const isLiteral = isPlainDecimal(gold) || isPlainDecimal(answer);
  if (!isLiteral) return isClose(a, b, decimalTolerance) ? 'rounds to the decimal' : 'different';
  if (exactAnswer === undefined && isPlainDecimal(gold))
    return roundsTo(b.re, plainDecimal(gold)!, digits.decimalGold);
  if (exactGold === undefined && isPlainDecimal(answer)) return 'different';
  return isClose(a, b, decimalTolerance) ? 'rounds to the decimal' : 'different';
}

/** Beyond the range of doubles: by logarithms; failing that, only the same form is equal. */
function compareExtremes(gold: MathNode, answer: MathNode, judge: Judge): ValueRule {
  if (sameTree(gold, answer)) return 'same form';
  const [a, b] = [magnitudeOf(gold, judge.budget), magnitudeOf(answer, judge.budget)];
  return a && b && sameMagnitude(a, b) ? 'same value to 12 digits' : 'different';
}

function compareAtProbes(
  gold: MathNode,
  answer: MathNode,
  names: readonly string[],
  judge: Judge,
): ValueRule {
  if (sameTree(gold, answer)) return 'same form';
  const exact = compareAtWholePoints(gold, answer, names, judge);
  if (exact !== undefined) return exact ? 'same value exactly' : 'different';
  const hasDecimals = someNode(gold, isDecimal) || someNode(answer, isDecimal);
  const tolerance = hasDecimals ? decimalProbeTolerance : probeTolerance;
  let agreeing = 0;
  for (let probe = 0; probe < probeCount + 2; probe++) {
    const point = probePoint(names, probe);
    const [a, b] = [
      approximateValue(gold, point, judge.budget),
      approximateValue(answer, point, judge.budget),
    ];
    const isNegative = probe >= probeCount;
    if (!isFiniteComplex(a) || !isFiniteComplex(b) || (isNegative && (a.im !== 0 || b.im !== 0))) continue;
    if (!isClose(a, b, tolerance)) return 'different';
    agreeing++;
  }
  return agreeing >= 2 ? 'same at every probe point' : 'different';
}

/** Rational functions are settled without rounding, at whole-number points; nothing when they are not rational. */
function compareAtWholePoints(
  gold: MathNode,
  answer: MathNode,
  names: readonly string[],
  judge: Judge,
): boolean | undefined {
  if (someNode(gold, isDecimal) || someNode(answer, isDecimal)) return undefined;
  let agreeing = 0;
  for (let probe = 0; probe < 3; probe++) {
    const values = new Map(
      names.map((name, index) => [name, rational(BigInt(primes[(index * 3 + probe) % primes.length]!))!]),
    );
    const [a, b] = [exactValue(gold, values, judge.budget), exactValue(answer, values, judge.budget)];
    if (a === undefined || b === undefined) continue;
    if (!sameRational(a, b)) return false;
    agreeing++;
  }
  return agreeing >= 2 ? true : undefined;
}

const primes = [7, 101, 53, 13, 89, 41, 29, 73, 97, 17, 61, 37, 11, 83, 47, 19, 67, 31];

/** The `probe`-th fixed point; the last two are negative. */
function probePoint(names: readonly string[], probe: number): Point {
  const sign = probe >= probeCount ? -1 : 1;
  return new Map(
    names.map((name, index) => [
      name,
      sign * (0.37 + (((index + 1) * 0.6180339887 + (probe + 1) * 0.7548776662) % 1.93)),
    ]),
  );
}

/** Two exact values that differ: may one of them, a decimal as written, stand for the other? */
function roundsTogether(
  gold: MathNode,
  answer: MathNode,
  goldValue: Rational,
  answerValue: Rational,
  judge: Judge,
): boolean {
  const [decimalGold, decimalAnswer] = [plainDecimal(gold), plainDecimal(answer)];
  if (decimalGold && decimalAnswer) {
    return (
      isRounding(answerValue, decimalGold, digits.betweenDecimals) ||
      isRounding(goldValue, decimalAnswer, digits.shorterAnswer)
    );
  }
  if (decimalGold) return isRounding(answerValue, decimalGold, digits.decimalGold);
  if (decimalAnswer) return isRounding(goldValue, decimalAnswer, judge.policy.significantDigits);
  const hasDecimals = someNode(gold, isDecimal) || someNode(answer, isDecimal);
  return hasDecimals && isNear(toNumber(goldValue), toNumber(answerValue), decimalTolerance);
}

/** Is `decimal` what `value` rounds to, and precise enough to say so? */
function isRounding(value: Rational, decimal: NumberNode, least: number): boolean {
  if (decimal.significant < least) return false;
  const denominator = value.denominator * decimal.value.denominator;
  const difference =
    value.numerator * decimal.value.denominator - decimal.value.numerator * value.denominator;
  const twice = { numerator: 2n * (difference < 0n ? -difference : difference), denominator };
  const power = 10n ** BigInt(Math.abs(decimal.places));
  const unit =
    decimal.places < 0 ? { numerator: power, denominator: 1n } : { numerator: 1n, denominator: power };
  return compareRationals(twice, unit) <= 0;
}

function roundsTo(value: number, decimal: NumberNode, least: number): ValueRule {
  const halfUnit = 0.5 * 10 ** -decimal.places;
  const isNearEnough = Math.abs(value - toNumber(decimal.value)) <= halfUnit * (1 + 1e-9);
  return decimal.significant >= least && isNearEnough ? 'rounds to the decimal' : 'different';
}

function isClose(a: Complex, b: Complex, tolerance: number): boolean {
  const distance = Math.hypot(a.re - b.re, a.im - b.im);
  return distance <= tolerance * Math.max(modulus(a), modulus(b)) || distance <= 4 * (a.error + b.error);
}

function isNear(a: number, b: number, tolerance: number): boolean {
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}

/** Neither overflowed nor lost to underflow. */
function isOrdinary(z: Complex): boolean {
  const size = modulus(z);
  return isFiniteComplex(z) && (size > 1e-290 || z.error > 0) && size < 1e290;
}

function isDecimal(node: MathNode): boolean {
  return node.kind === 'number' && node.isDecimal;
}

function isUnknownFunction(node: MathNode): boolean {
  return node.kind === 'call';
}

function isPlainDecimal(node: MathNode): boolean {
  return plainDecimal(node) !== undefined;
}

function plainDecimal(node: MathNode): NumberNode | undefined {
  if (node.kind === 'negate') {
    const operand = plainDecimal(node.operand);
    return operand && { ...operand, value: { ...operand.value, numerator: -operand.value.numerator } };
  }
  return node.kind === 'number' && node.isDecimal ? node : undefined;
}
