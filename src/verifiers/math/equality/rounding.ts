import { type MathNode, type NumberNode, someNode } from '../syntax.ts';
import { compareRationals, type Rational, toNumber } from '../value/rational.ts';
import type { Judge } from './comparing.ts';

/** Relative tolerance between constants built from decimals, such as `18.02/0.013`. */
export const decimalTolerance = 1e-6;

/** Significant digits a decimal needs before something may round to it. */
const digits = {
  /** A decimal gold, met by an irrational answer: 3.14 by π. */
  irrationalAnswer: 3,
  /** A decimal gold, met by a fraction or a longer decimal. */
  rationalAnswer: 5,
  /** A decimal answer that is shorter than the decimal gold. */
  shorterAnswer: 7,
};

/** Two exact values that differ: may one of them, a decimal as written, stand for the other? */
export function roundsTogether(
  gold: MathNode,
  answer: MathNode,
  goldValue: Rational,
  answerValue: Rational,
  judge: Judge,
): boolean {
  const [decimalGold, decimalAnswer] = [plainDecimal(gold), plainDecimal(answer)];
  if (decimalGold && decimalAnswer) {
    return (
      isRounding(answerValue, decimalGold, digits.rationalAnswer) ||
      isRounding(goldValue, decimalAnswer, digits.shorterAnswer)
    );
  }
  if (decimalGold) return isRounding(answerValue, decimalGold, digits.rationalAnswer);
  if (decimalAnswer) return isRounding(goldValue, decimalAnswer, judge.policy.significantDigits);
  if (!hasDecimals(gold) && !hasDecimals(answer)) return false;
  const [a, b] = [toNumber(goldValue), toNumber(answerValue)];
  return Math.abs(a - b) <= decimalTolerance * Math.max(Math.abs(a), Math.abs(b));
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

/** Does an irrational value round to a gold that is a decimal? */
export function roundsToGold(value: number, gold: NumberNode): boolean {
  const halfUnit = 0.5 * 10 ** -gold.places;
  return (
    gold.significant >= digits.irrationalAnswer &&
    Math.abs(value - toNumber(gold.value)) <= halfUnit * (1 + 1e-9)
  );
}

/** A decimal as written, with its sign; nothing for anything else. */
export function plainDecimal(node: MathNode): NumberNode | undefined {
  if (node.kind === 'number') return node.isDecimal ? node : undefined;
  const operand = node.kind === 'negate' ? plainDecimal(node.operand) : undefined;
  return operand && { ...operand, value: { ...operand.value, numerator: -operand.value.numerator } };
}

/** Is there a decimal anywhere in it? */
export function hasDecimals(node: MathNode): boolean {
  return someNode(node, (child) => child.kind === 'number' && child.isDecimal);
}
