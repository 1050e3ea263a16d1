import { type MathNode, type NumberNode, someNode } from '../syntax.ts';
import { compareRationals, type Rational, toNumber } from '../value/rational.ts';
import type { Comparing } from './comparing.ts';

/** Relative tolerance between constants built from decimals, such as `18.02/0.013`. */
export const decimalTolerance = 1e-6;

/** Number of significant digits that a decimal needs before a value may round to it. */
const digits = {
  /** Decimal gold and irrational answer: π answers the gold 3.14. */
  irrationalAnswer: 3,
  /** Decimal gold, with a fraction or a longer decimal as the answer. */
  rationalAnswer: 5,
  /** Decimal answer that is shorter than the decimal gold. */
  shorterAnswer: 7,
  /** Any value may round to a decimal this precise, even without `leastPlaces`. */
  anyPlaces: 12,
};

/**
 * Number of decimal places that a decimal needs before another decimal, or a fraction with a finite decimal form, may
 * round to it: 12.54 does not match 12.5.
 */
const leastPlaces = 4;

/** Returns whether one of two different exact values is written as a decimal to which the other may be rounded. */
export function roundsTogether(
  gold: MathNode,
  answer: MathNode,
  goldValue: Rational,
  answerValue: Rational,
  comparing: Comparing,
): boolean {
  const [decimalGold, decimalAnswer] = [plainDecimal(gold), plainDecimal(answer)];
  const mayRound = (decimal: NumberNode, other: Rational): boolean =>
    decimal.places >= leastPlaces || decimal.significant >= digits.anyPlaces || !isShortDecimal(other);
  if (decimalGold && mayRound(decimalGold, answerValue)) {
    if (isRounding(answerValue, decimalGold, digits.rationalAnswer)) return true;
  }
  if (decimalAnswer === undefined || !mayRound(decimalAnswer, goldValue)) return false;
  const least = decimalGold ? digits.shorterAnswer : comparing.policy.significantDigits;
  return isRounding(goldValue, decimalAnswer, least);
}

/** Returns whether a value has a short finite decimal form, which needs no rounding. */
function isShortDecimal({ numerator, denominator }: Rational): boolean {
  return (numerator * 10n ** 12n) % denominator === 0n;
}

/** Returns whether `value` rounds to `decimal`, and `decimal` is precise enough. */
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

/** Returns whether an irrational value rounds to a decimal gold. */
export function roundsToGold(value: number, gold: NumberNode): boolean {
  const halfUnit = 0.5 * 10 ** -gold.places;
  return (
    gold.significant >= digits.irrationalAnswer &&
    Math.abs(value - toNumber(gold.value)) <= halfUnit * (1 + 1e-9)
  );
}

/** Returns the decimal in a node, with a sign, percent sign or power of ten applied; undefined for other nodes. */
export function plainDecimal(node: MathNode): NumberNode | undefined {
  const shifted = shiftedNumeral(node);
  return shifted?.isDecimal ? shifted : undefined;
}

function shiftedNumeral(node: MathNode): NumberNode | undefined {
  if (node.kind === 'number') return node;
  if (node.kind === 'negate') {
    const operand = shiftedNumeral(node.operand);
    return operand && { ...operand, value: { ...operand.value, numerator: -operand.value.numerator } };
  }
  if (node.kind === 'percent') return withPower(shiftedNumeral(node.operand), -2);
  if (node.kind !== 'multiply') return undefined;
  const power = powerOfTen(node.right);
  return power === undefined ? undefined : withPower(shiftedNumeral(node.left), power);
}

function withPower(number: NumberNode | undefined, power: number): NumberNode | undefined {
  if (number === undefined || Math.abs(power) > 300) return undefined;
  const factor = 10n ** BigInt(Math.abs(power));
  const { numerator, denominator } = number.value;
  const value =
    power < 0
      ? { numerator, denominator: denominator * factor }
      : { numerator: numerator * factor, denominator };
  return { ...number, value, places: number.places - power };
}

function powerOfTen(node: MathNode): number | undefined {
  if (node.kind === 'number') return zerosOf(node.value);
  if (node.kind !== 'power' || !isTen(node.left)) return undefined;
  const isNegative = node.right.kind === 'negate';
  const exponent = node.right.kind === 'negate' ? node.right.operand : node.right;
  if (exponent.kind !== 'number' || exponent.value.denominator !== 1n) return undefined;
  return isNegative ? -Number(exponent.value.numerator) : Number(exponent.value.numerator);
}

/** Returns the number of zeros of a power of ten: 3 for 1000. */
function zerosOf({ numerator, denominator }: Rational): number | undefined {
  const text = denominator === 1n ? String(numerator) : '';
  return /^10*$/.test(text) ? text.length - 1 : undefined;
}

function isTen(node: MathNode): boolean {
  return node.kind === 'number' && node.value.numerator === 10n && node.value.denominator === 1n;
}

/** Returns whether a node contains a decimal. */
export function hasDecimals(node: MathNode): boolean {
  return someNode(node, (child) => child.kind === 'number' && child.isDecimal);
}
