import type { Budget } from '../budget.ts';
import { logGamma } from './gamma.ts';
import { logOfRational } from './rational.ts';
import type { MathNode } from '../syntax.ts';
import { approximateValue } from './approximate.ts';

/** A real number too large or small for a double: its sign and the logarithm of its size. */
export interface Magnitude {
  readonly sign: -1 | 0 | 1;
  /** ln |value|; -Infinity for zero. */
  readonly log: number;
}

const zero: Magnitude = { sign: 0, log: Number.NEGATIVE_INFINITY };

/**
 * The value of a constant expression on a logarithmic scale, where 2^{200000} and 1/100000! have ordinary numbers;
 * nothing for expressions it has no rule for, or whose logarithm itself overflows.
 */
export function magnitudeOf(node: MathNode, budget: Budget): Magnitude | undefined {
  budget.spend(3);
  const evaluate = (child: MathNode): Magnitude | undefined => magnitudeOf(child, budget);
  switch (node.kind) {
    case 'number':
      return fromSigned(node.value.numerator < 0n ? -1 : 1, logOfRational(node.value));
    case 'negate':
      return flip(evaluate(node.operand));
    case 'quantity':
      return evaluate(node.operand);
    case 'multiply':
      return product(evaluate(node.left), evaluate(node.right), 1);
    case 'divide':
      return product(evaluate(node.left), evaluate(node.right), -1);
    case 'add':
      return sum(evaluate(node.left), evaluate(node.right));
    case 'subtract':
      return sum(evaluate(node.left), flip(evaluate(node.right)));
    case 'power':
      return power(evaluate(node.left), evaluate(node.right));
    case 'factorial':
      return factorial(evaluate(node.operand));
    default:
      return fromDouble(node, budget);
  }
}

/** True when the two agree to about twelve digits of their logarithms. */
export function sameMagnitude(a: Magnitude, b: Magnitude): boolean {
  if (a.sign !== b.sign) return false;
  return (
    a.log === b.log || Math.abs(a.log - b.log) <= 1e-10 + 1e-13 * Math.max(Math.abs(a.log), Math.abs(b.log))
  );
}

function fromSigned(sign: -1 | 0 | 1, log: number): Magnitude | undefined {
  if (log === Number.NEGATIVE_INFINITY) return zero;
  return Number.isFinite(log) ? { sign, log } : undefined;
}

function fromDouble(node: MathNode, budget: Budget): Magnitude | undefined {
  const value = approximateValue(node, new Map(), budget);
  if (value.im !== 0 || !Number.isFinite(value.re)) return undefined;
  return fromSigned(value.re < 0 ? -1 : 1, Math.log(Math.abs(value.re)));
}

function flip(value: Magnitude | undefined): Magnitude | undefined {
  return value && { sign: -value.sign as -1 | 0 | 1, log: value.log };
}

function product(
  a: Magnitude | undefined,
  b: Magnitude | undefined,
  direction: 1 | -1,
): Magnitude | undefined {
  if (a === undefined || b === undefined || (direction < 0 && b.sign === 0)) return undefined;
  if (a.sign === 0 || b.sign === 0) return zero;
  return fromSigned((a.sign * b.sign) as -1 | 1, a.log + direction * b.log);
}

function sum(a: Magnitude | undefined, b: Magnitude | undefined): Magnitude | undefined {
  if (a === undefined || b === undefined) return undefined;
  const [large, small] = a.log >= b.log ? [a, b] : [b, a];
  if (small.sign === 0) return large;
  const ratio = Math.exp(small.log - large.log) * small.sign * large.sign;
  return ratio === -1 ? undefined : fromSigned(large.sign, large.log + Math.log1p(ratio));
}

function power(base: Magnitude | undefined, exponent: Magnitude | undefined): Magnitude | undefined {
  if (base === undefined || exponent === undefined || base.sign === 0) return undefined;
  const value = exponent.sign * Math.exp(exponent.log);
  const rounded = Math.round(value);
  if (base.sign < 0 && Math.abs(value - rounded) > 1e-9) return undefined;
  const isOdd = base.sign < 0 && Math.abs(rounded % 2) === 1;
  return fromSigned(isOdd ? -1 : 1, base.log * value);
}

function factorial(operand: Magnitude | undefined): Magnitude | undefined {
  if (operand === undefined || operand.sign < 0) return undefined;
  return fromSigned(1, logGamma((operand.sign === 0 ? 0 : Math.exp(operand.log)) + 1));
}
