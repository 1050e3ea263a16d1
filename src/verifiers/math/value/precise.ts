import type { Budget } from '../budget.ts';
import { type MathNode, someNode } from '../syntax.ts';
import * as big from './big-float.ts';
import type { BigFloat } from './big-float.ts';
import * as functions from './big-functions.ts';
import type { Point } from './approximate.ts';
import { exactValue } from './exact.ts';
import type { Rational } from './rational.ts';

/*
 * Compares real constants beyond double precision. Evaluates both with a precision that covers twice the span
 * between the largest and the smallest intermediate value, so e^50 + 1 differs from e^50, and sinh 900 differs
 * from cosh 900.
 */

/** Number of bits beyond those that the intermediate values need. */
const spare = 128;
/** Number of bits that may be lost to rounding. */
const rounding = 32;
/** Initial guess of the span, which suffices for most answers. */
const usualSpan = 12;
/** Maximum length of numbers in bits; computing a function of them takes about a millisecond. */
const maxPrecision = 8192;
/** Maximum number of steps per comparison (`Budget`). */
const maxSteps = 60_000;

const noValues: ReadonlyMap<string, Rational> = new Map();

/**
 * Decides whether two real expressions have the same value, at a point if they have variables.
 *
 * @returns whether the values are the same; also false if the decision would need longer numbers than `maxPrecision`;
 * `undefined` for values that are not real and for functions without a high-precision implementation (floor, mod,
 * unknown ones).
 */
export function sameRealValue(
  a: MathNode,
  b: MathNode,
  budget: Budget,
  point: Point = new Map(),
): boolean | undefined {
  const steps = { left: maxSteps };
  const isSum = someNode(a, mayCancel) || someNode(b, mayCancel);
  for (let span = usualSpan; ;) {
    const precision = spare + 4 * span;
    if (precision > maxPrecision) return false;
    const evaluation = new Evaluation({ precision, span, point, budget, steps });
    const left = evaluation.value(a);
    const right = left && evaluation.value(b);
    if (steps.left < 0) return false;
    if (left === undefined || right === undefined) return undefined;
    // The relative error of a product does not grow with its size.
    if (!isSum || evaluation.span <= span) return big.isZero(evaluation.sum(left, big.negate(right)));
    span = evaluation.span;
  }
}

/** Returns whether leading bits may cancel in a node; products, powers and logarithms lose none. */
function mayCancel(node: MathNode): boolean {
  if (node.kind === 'function') return !['root', 'abs', 'ln', 'log', 'exp'].includes(node.name);
  return node.kind === 'add' || node.kind === 'subtract';
}

interface Settings {
  /** Length of all numbers in bits. */
  readonly precision: number;
  /** The span for which the precision is sufficient. */
  readonly span: number;
  readonly point: Point;
  readonly budget: Budget;
  readonly steps: { left: number };
}

/** Evaluates at one precision and measures the span of the intermediate values. */
class Evaluation {
  readonly #settings: Settings;
  readonly #precision: number;
  /** Largest distance of a leading bit from the binary point so far. */
  span = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#precision = settings.precision;
  }

  /** Returns the value, or undefined if it is not a real number or not supported. */
  value(node: MathNode): BigFloat | undefined {
    if (!this.#spend(node.kind === 'function' || node.kind === 'power' ? 200 : 10)) return undefined;
    const found = this.#compute(node);
    if (found === undefined || big.isZero(found)) return found;
    this.span = Math.max(this.span, Math.abs(big.leadingBit(found)));
    return found;
  }

  /** Returns the sum, or 0 if the summands cancel to within rounding error. */
  sum(a: BigFloat, b: BigFloat): BigFloat {
    const total = big.add(a, b, this.#precision);
    return this.#isLost(Math.max(big.leadingBit(a), big.leadingBit(b)) - big.leadingBit(total))
      ? big.zero
      : total;
  }

  /** Returns whether so many leading bits cancelled that only rounding errors remain. */
  #isLost(bits: number): boolean {
    return bits >= this.#precision - 2 * this.#settings.span - rounding;
  }

  /** Spends steps for work on numbers of this precision; returns false if too few are left. */
  #spend(factor: number): boolean {
    const steps = 5 + factor * (this.#precision / 256) ** 1.5;
    this.#settings.budget.spend(steps);
    this.#settings.steps.left -= steps;
    return this.#settings.steps.left >= 0;
  }

  #compute(node: MathNode): BigFloat | undefined {
    switch (node.kind) {
      case 'number':
        return big.fromRational(node.value, this.#precision);
      case 'constant':
        return this.#constant(node.name);
      case 'variable': {
        const value = this.#settings.point.get(node.name);
        return value === undefined ? undefined : big.fromNumber(value);
      }
      case 'negate':
        return this.#map(node.operand, big.negate);
      case 'percent':
        return this.#map(node.operand, (x) => this.#quotient(x, whole(100)));
      case 'quantity':
        return this.value(node.operand);
      case 'add':
        return this.#join(node.left, node.right, (x, y) => this.sum(x, y));
      case 'subtract':
        return this.#join(node.left, node.right, (x, y) => this.sum(x, big.negate(y)));
      case 'multiply':
        return this.#join(node.left, node.right, (x, y) => big.multiply(x, y, this.#precision));
      case 'divide':
        return this.#join(node.left, node.right, (x, y) => this.#quotient(x, y));
      case 'power':
        return this.#power(node.left, node.right);
      case 'function':
        return this.#function(node.name, node.operands) ?? this.#exact(node);
      case 'factorial':
        return this.#exact(node);
      default:
        return undefined;
    }
  }

  #map(node: MathNode, apply: (x: BigFloat) => BigFloat | undefined): BigFloat | undefined {
    const x = this.value(node);
    return x && apply(x);
  }

  #join(
    left: MathNode,
    right: MathNode,
    combine: (x: BigFloat, y: BigFloat) => BigFloat | undefined,
  ): BigFloat | undefined {
    const x = this.value(left);
    if (x === undefined) return undefined;
    const y = this.value(right);
    return y && combine(x, y);
  }

  #exact(node: MathNode): BigFloat | undefined {
    const value = exactValue(node, noValues, this.#settings.budget);
    return value && big.fromRational(value, this.#precision);
  }

  #constant(name: string): BigFloat | undefined {
    if (name === 'pi') return functions.pi(this.#precision);
    return name === 'e' ? this.#exponential(whole(1)) : undefined;
  }

  #quotient(x: BigFloat, y: BigFloat): BigFloat | undefined {
    return big.isZero(y) ? undefined : big.divide(x, y, this.#precision);
  }

  #power(base: MathNode, exponent: MathNode): BigFloat | undefined {
    const fraction = exactValue(exponent, noValues, this.#settings.budget);
    if (fraction === undefined) {
      if (base.kind === 'constant' && base.name === 'e') return this.#map(exponent, this.#exponential);
      return this.#join(base, exponent, (x, y) => this.#realPower(x, y));
    }
    return this.#map(base, (x) => this.#rationalPower(x, fraction));
  }

  #rationalPower(x: BigFloat, { numerator, denominator }: Rational): BigFloat | undefined {
    if (numerator % denominator === 0n) return this.#wholePower(x, numerator / denominator);
    if (denominator === 2n && numerator > -64n && numerator < 64n)
      return big.isNegative(x) ? undefined : this.#wholePower(big.squareRoot(x, this.#precision), numerator);
    return this.#realPower(x, big.fromRational({ numerator, denominator }, this.#precision));
  }

  #wholePower(x: BigFloat, n: bigint): BigFloat | undefined {
    if (big.bitLength(n) > 32 || (big.isZero(x) && n <= 0n)) return undefined;
    const power = big.wholePower(x, n < 0n ? -n : n, this.#precision);
    return n < 0n ? this.#quotient(whole(1), power) : power;
  }

  #realPower(x: BigFloat, y: BigFloat): BigFloat | undefined {
    if (big.isZero(x) || big.isNegative(x)) return undefined;
    const working = this.#precision + 64;
    return this.#exponential(big.multiply(y, functions.logarithm(x, working), working));
  }

  readonly #exponential = (x: BigFloat): BigFloat | undefined => functions.exponential(x, this.#precision);

  /** Returns the natural logarithm of a node. Does not compute a power with a positive base: ln 2^5000 = 5000 ln 2. */
  #logarithm(node: MathNode): BigFloat | undefined {
    if (node.kind === 'power') {
      const base = this.value(node.left);
      if (base !== undefined && !big.isNegative(base) && !big.isZero(base))
        return this.#map(node.right, (y) =>
          big.multiply(y, functions.logarithm(base, this.#precision), this.#precision),
        );
    }
    return this.#map(node, (x) =>
      big.isZero(x) || big.isNegative(x) ? undefined : this.#orZero(functions.logarithm(x, this.#precision)),
    );
  }

  #arcsine(x: BigFloat): BigFloat | undefined {
    const square = big.multiply(x, x, 2 * this.#precision);
    const rest = big.add(whole(1), big.negate(square), this.#precision);
    if (big.isNegative(rest)) return undefined;
    const quarter = big.scale(functions.pi(this.#precision), -1);
    if (big.isZero(rest)) return big.isNegative(x) ? big.negate(quarter) : quarter;
    const tangent = big.divide(x, big.squareRoot(rest, this.#precision), this.#precision);
    return functions.arctangent(tangent, this.#precision);
  }

  /** Returns π/2 - x. */
  #complement(x: BigFloat | undefined): BigFloat | undefined {
    return x && this.sum(big.scale(functions.pi(this.#precision), -1), big.negate(x));
  }

  /** Returns 2 sinh x (sign -1) or 2 cosh x (sign 1). */
  #hyperbolic(x: BigFloat, sign: 1 | -1): BigFloat | undefined {
    const up = this.#exponential(x);
    const down = up && this.#quotient(whole(1), up);
    if (up === undefined || down === undefined) return undefined;
    this.span = Math.max(this.span, Math.abs(big.leadingBit(up)));
    return this.sum(up, sign === 1 ? down : big.negate(down));
  }

  #function(name: string, operands: readonly MathNode[]): BigFloat | undefined {
    const [first, second] = operands;
    if (first === undefined) return undefined;
    const precision = this.#precision;
    const trigonometric = (pick: (parts: { sine: BigFloat; cosine: BigFloat }) => BigFloat | undefined) =>
      this.#map(first, (x) => {
        const parts = functions.sineAndCosine(x, precision);
        return parts && pick({ sine: this.#orZero(parts.sine), cosine: this.#orZero(parts.cosine) });
      });
    switch (name) {
      case 'sin':
        return trigonometric(({ sine }) => sine);
      case 'cos':
        return trigonometric(({ cosine }) => cosine);
      case 'tan':
        return trigonometric(({ sine, cosine }) => this.#quotient(sine, cosine));
      case 'cot':
        return trigonometric(({ sine, cosine }) => this.#quotient(cosine, sine));
      case 'sec':
        return trigonometric(({ cosine }) => this.#quotient(whole(1), cosine));
      case 'csc':
        return trigonometric(({ sine }) => this.#quotient(whole(1), sine));
      case 'sinh':
        return this.#map(first, (x) => half(this.#hyperbolic(x, -1)));
      case 'cosh':
        return this.#map(first, (x) => half(this.#hyperbolic(x, 1)));
      case 'tanh':
        return this.#map(first, (x) => {
          const [sinh, cosh] = [this.#hyperbolic(x, -1), this.#hyperbolic(x, 1)];
          return sinh && cosh && this.#quotient(sinh, cosh);
        });
      case 'arctan':
        return this.#map(first, (x) => functions.arctangent(x, precision));
      case 'exp':
        return this.#map(first, this.#exponential);
      case 'ln':
        return this.#logarithm(first);
      case 'log': {
        const [top, bottom] = [this.#logarithm(first), second && this.#logarithm(second)];
        return top && bottom && this.#quotient(top, bottom);
      }
      case 'arcsin':
        return this.#map(first, (x) => this.#arcsine(x));
      case 'arccos':
        return this.#map(first, (x) => this.#complement(this.#arcsine(x)));
      case 'arccot':
        return this.#map(first, (x) => this.#complement(functions.arctangent(x, precision)));
      case 'abs':
        return this.#map(first, (x) => (big.isNegative(x) ? big.negate(x) : x));
      case 'root':
        return second && this.#root(first, second);
      default:
        return undefined;
    }
  }

  #root(node: MathNode, degree: MathNode): BigFloat | undefined {
    const n = exactValue(degree, noValues, this.#settings.budget);
    if (n === undefined || n.numerator <= 0n || n.denominator !== 1n) return undefined;
    return this.#map(node, (x) => {
      if (big.isZero(x)) return x;
      const isOdd = n.numerator % 2n === 1n;
      const size = big.isNegative(x) ? (isOdd ? big.negate(x) : undefined) : x;
      const root = size && this.#rationalPower(size, { numerator: 1n, denominator: n.numerator });
      return root && (big.isNegative(x) ? big.negate(root) : root);
    });
  }

  /** Returns 0 for a value that differs from 0 only by rounding, as in sin π. */
  #orZero(x: BigFloat): BigFloat {
    return this.#isLost(-big.leadingBit(x)) ? big.zero : x;
  }
}

const whole = (n: number): BigFloat => ({ mantissa: BigInt(n), exponent: 0 });
const half = (x: BigFloat | undefined): BigFloat | undefined => x && big.scale(x, -1);
