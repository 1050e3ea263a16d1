import type { Budget } from '../budget.ts';
import {
  addRationals,
  compareRationals,
  invertRational,
  multiplyRationals,
  powerRational,
  type Rational,
  rational,
  rootRational,
  wholeNumber,
} from './rational.ts';
import type { BinaryNode, FunctionNode, MathNode } from '../syntax.ts';

/** Largest n whose factorial is computed; for larger n, only its logarithm is compared. */
const maxFactorial = 2100n;

/**
 * Returns the exact value of an expression over the rationals, with `values` for its variables; undefined if the value
 * is irrational, undefined or too long (`maxBits`).
 */
export function exactValue(
  node: MathNode,
  values: ReadonlyMap<string, Rational>,
  budget: Budget,
): Rational | undefined {
  budget.spend(2);
  const evaluate = (child: MathNode): Rational | undefined => exactValue(child, values, budget);
  switch (node.kind) {
    case 'number':
      return node.value;
    case 'variable':
      return values.get(node.name);
    case 'negate':
      return minus(evaluate(node.operand));
    case 'percent':
      return divide(evaluate(node.operand), { numerator: 100n, denominator: 1n }, budget);
    case 'quantity':
      return evaluate(node.operand);
    case 'factorial':
      return factorial(wholeNumber(evaluate(node.operand)), budget);
    case 'function':
      return exactFunction(node, evaluate, budget);
    case 'ratio':
      return node.items.length === 2 && !node.isTime
        ? divide(evaluate(node.items[0]!), evaluate(node.items[1]!), budget)
        : undefined;
    case 'add':
    case 'subtract':
    case 'multiply':
    case 'divide':
    case 'power':
      return exactBinary(node, evaluate, budget);
    default:
      return undefined;
  }
}

type Evaluate = (node: MathNode) => Rational | undefined;

function exactBinary(node: BinaryNode, evaluate: Evaluate, budget: Budget): Rational | undefined {
  const left = evaluate(node.left);
  if (left === undefined) return undefined;
  const right = evaluate(node.right);
  if (right === undefined) return undefined;
  switch (node.kind) {
    case 'add':
      return addRationals(left, right, budget);
    case 'subtract':
      return addRationals(left, minus(right)!, budget);
    case 'multiply':
      return multiplyRationals(left, right, budget);
    case 'divide':
      return divide(left, right, budget);
    case 'power':
      return power(left, right, budget);
  }
}

function exactFunction(node: FunctionNode, evaluate: Evaluate, budget: Budget): Rational | undefined {
  if (!exactFunctions.has(node.name)) return undefined;
  const operands: Rational[] = [];
  for (const operand of node.operands) {
    const value = evaluate(operand);
    if (value === undefined) return undefined;
    operands.push(value);
  }
  return exactFunctions.get(node.name)!(operands, budget);
}

const exactFunctions: ReadonlyMap<
  string,
  (operands: readonly Rational[], budget: Budget) => Rational | undefined
> = new Map([
  ['abs', ([x]) => x && (x.numerator < 0n ? minus(x) : x)],
  ['floor', ([x]) => x && rational(floorOf(x))],
  ['ceil', ([x]) => x && rational(-floorOf(minus(x)!))],
  ['root', ([x, degree], budget) => x && degree && root(x, degree, budget)],
  ['max', (operands) => operands.reduce((best, x) => (compareRationals(x, best) > 0 ? x : best))],
  ['min', (operands) => operands.reduce((best, x) => (compareRationals(x, best) < 0 ? x : best))],
  ['gcd', (operands, budget) => fold(operands, greatestCommonDivisor, budget)],
  ['lcm', (operands, budget) => fold(operands, leastCommonMultiple, budget)],
  ['binom', ([n, k], budget) => binomial(wholeNumber(n), wholeNumber(k), budget)],
  ['mod', ([x, modulus]) => remainder(wholeNumber(x), wholeNumber(modulus))],
]);

function minus(value: Rational | undefined): Rational | undefined {
  return value && { numerator: -value.numerator, denominator: value.denominator };
}

function divide(
  left: Rational | undefined,
  right: Rational | undefined,
  budget: Budget,
): Rational | undefined {
  const inverse = right && invertRational(right);
  return left && inverse && multiplyRationals(left, inverse, budget);
}

function power(base: Rational, exponent: Rational, budget: Budget): Rational | undefined {
  const whole = wholeNumber(exponent);
  if (whole !== undefined) return powerRational(base, whole, budget);
  const degree = wholeNumber({ numerator: exponent.denominator, denominator: 1n });
  const rooted = degree === undefined ? undefined : rootRational(base, degree, budget);
  return rooted && powerRational(rooted, exponent.numerator, budget);
}

function root(value: Rational, degree: Rational, budget: Budget): Rational | undefined {
  const whole = wholeNumber(degree);
  return whole === undefined ? undefined : rootRational(value, whole, budget);
}

function factorial(n: bigint | undefined, budget: Budget): Rational | undefined {
  if (n === undefined || n < 0n || n > maxFactorial) return undefined;
  budget.spend(Number(n) ** 2 / 100);
  let product = 1n;
  for (let i = 2n; i <= n; i++) product *= i;
  return { numerator: product, denominator: 1n };
}

function binomial(n: bigint | undefined, k: bigint | undefined, budget: Budget): Rational | undefined {
  if (n === undefined || k === undefined || n < 0n || k < 0n || n > maxFactorial) return undefined;
  if (k > n) return { numerator: 0n, denominator: 1n };
  const steps = k > n - k ? n - k : k;
  budget.spend(Number(steps) ** 2 / 50);
  let product = 1n;
  for (let i = 1n; i <= steps; i++) product = (product * (n - steps + i)) / i;
  return { numerator: product, denominator: 1n };
}

function remainder(value: bigint | undefined, modulus: bigint | undefined): Rational | undefined {
  if (value === undefined || modulus === undefined || modulus <= 0n) return undefined;
  return { numerator: ((value % modulus) + modulus) % modulus, denominator: 1n };
}

function floorOf(value: Rational): bigint {
  const quotient = value.numerator / value.denominator;
  return value.numerator < 0n && value.numerator % value.denominator !== 0n ? quotient - 1n : quotient;
}

function fold(
  operands: readonly Rational[],
  combine: (a: bigint, b: bigint) => bigint,
  budget: Budget,
): Rational | undefined {
  let result: bigint | undefined;
  for (const operand of operands) {
    const whole = wholeNumber(operand);
    if (whole === undefined || whole > 2n ** 256n || whole < -(2n ** 256n)) return undefined;
    budget.spend(300);
    result = result === undefined ? whole : combine(result, whole);
  }
  return result === undefined ? undefined : { numerator: result < 0n ? -result : result, denominator: 1n };
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function leastCommonMultiple(a: bigint, b: bigint): bigint {
  const divisor = greatestCommonDivisor(a, b);
  return divisor === 0n ? 0n : (a / divisor) * b;
}
