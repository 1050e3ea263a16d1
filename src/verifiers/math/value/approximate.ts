import type { Budget } from '../budget.ts';
import * as complex from './complex.ts';
import { type Complex, real, undefinedValue } from './complex.ts';
import { factorialOf } from './gamma.ts';
import { toNumber } from './rational.ts';
import type { MathNode } from '../syntax.ts';

/** A point at which an expression is evaluated: one value for each variable. */
export type Point = ReadonlyMap<string, number>;

/**
 * Returns the value of an expression at a point in complex double precision, with an error estimate. The value is NaN
 * if it is undefined or if the node has no value (sets, text), and infinite if it overflows.
 */
export function approximateValue(node: MathNode, point: Point, budget: Budget): Complex {
  budget.spend(3);
  const evaluate = (child: MathNode): Complex => approximateValue(child, point, budget);
  switch (node.kind) {
    case 'number':
      return real(toNumber(node.value));
    case 'constant':
      return constantValue(node.name);
    case 'variable':
      return real(point.get(node.name) ?? Number.NaN);
    case 'add':
      return complex.add(evaluate(node.left), evaluate(node.right));
    case 'subtract':
      return complex.add(evaluate(node.left), complex.negative(evaluate(node.right)));
    case 'multiply':
      return complex.multiply(evaluate(node.left), evaluate(node.right));
    case 'divide':
      return complex.divide(evaluate(node.left), evaluate(node.right));
    case 'power':
      return raise(node.left, node.right, evaluate);
    case 'negate':
      return complex.negative(evaluate(node.operand));
    case 'percent':
      return complex.divide(evaluate(node.operand), real(100));
    case 'quantity':
      return evaluate(node.operand);
    case 'factorial':
      return complex.onReals(factorialOf, evaluate(node.operand));
    case 'function':
      return applyKnown(node.name, node.operands.map(evaluate));
    case 'call':
      return standIn(node.name, node.operands.map(evaluate));
    case 'ratio':
      return node.items.length === 2 && !node.isTime
        ? complex.divide(evaluate(node.items[0]!), evaluate(node.items[1]!))
        : undefinedValue;
    default:
      return undefinedValue;
  }
}

function constantValue(name: string): Complex {
  if (name === 'pi') return real(Math.PI);
  if (name === 'e') return real(Math.E);
  if (name === 'i') return { re: 0, im: 1, error: 0 };
  return name === 'infty' ? real(Number.POSITIVE_INFINITY) : undefinedValue;
}

/** Computes a power; x^{p/q} with odd q is the real root, the usual meaning of `x^{1/3}`. */
function raise(base: MathNode, exponent: MathNode, evaluate: (node: MathNode) => Complex): Complex {
  const value = evaluate(base);
  const isOddRoot =
    exponent.kind === 'divide' && exponent.right.kind === 'number' && exponent.left.kind === 'number';
  if (value.im !== 0 || value.re >= 0 || !isOddRoot) return complex.power(value, evaluate(exponent));
  const degree = evaluate(exponent.right);
  return degree.re % 2 === 0
    ? complex.power(value, evaluate(exponent))
    : complex.power(complex.root(value, degree), evaluate(exponent.left));
}

const one = real(1);
const reciprocal = (z: Complex): Complex => complex.divide(one, z);
const half = (z: Complex): Complex => complex.multiply(real(0.5), z);
const minusExponential = (z: Complex): Complex => complex.exponential(complex.negative(z));

const functions: Readonly<Record<string, (z: Complex, second: Complex) => Complex>> = {
  sin: complex.sine,
  cos: complex.cosine,
  tan: (z) => complex.divide(complex.sine(z), complex.cosine(z)),
  cot: (z) => complex.divide(complex.cosine(z), complex.sine(z)),
  sec: (z) => reciprocal(complex.cosine(z)),
  csc: (z) => reciprocal(complex.sine(z)),
  sinh: (z) => half(complex.add(complex.exponential(z), complex.negative(minusExponential(z)))),
  cosh: (z) => half(complex.add(complex.exponential(z), minusExponential(z))),
  tanh: (z) => complex.onReals(Math.tanh, z),
  arcsin: (z) => complex.onReals(Math.asin, z),
  arccos: (z) => complex.onReals(Math.acos, z),
  arctan: (z) => complex.onReals(Math.atan, z),
  arccot: (z) => complex.onReals((x) => Math.PI / 2 - Math.atan(x), z),
  exp: complex.exponential,
  ln: complex.logarithm,
  log: (z, base) => complex.divide(complex.logarithm(z), complex.logarithm(base)),
  root: complex.root,
  abs: (z) => ({ re: complex.modulus(z), im: 0, error: z.error }),
  Re: (z) => ({ re: z.re, im: 0, error: z.error }),
  Im: (z) => ({ re: z.im, im: 0, error: z.error }),
  arg: (z) => real(Math.atan2(z.im, z.re)),
  cis: (z) => complex.exponential(complex.multiply({ re: 0, im: 1, error: 0 }, z)),
  floor: (z) => complex.onReals((x) => Math.floor(x + 1e-12), z),
  ceil: (z) => complex.onReals((x) => Math.ceil(x - 1e-12), z),
  binom: (n, k) =>
    n.im === 0 && k.im === 0
      ? real(factorialOf(n.re) / (factorialOf(k.re) * factorialOf(n.re - k.re)))
      : undefinedValue,
  mod: (x, m) => (x.im === 0 && m.im === 0 ? real(x.re - m.re * Math.floor(x.re / m.re)) : undefinedValue),
};

function applyKnown(name: string, operands: readonly Complex[]): Complex {
  if (name === 'max') return extreme(operands, Math.max);
  if (name === 'min') return extreme(operands, Math.min);
  const [first = undefinedValue, second = undefinedValue] = operands;
  return functions[name]?.(first, second) ?? undefinedValue;
}

function extreme(operands: readonly Complex[], choose: (...values: number[]) => number): Complex {
  return operands.some((operand) => operand.im !== 0)
    ? undefinedValue
    : real(choose(...operands.map((operand) => operand.re)));
}

/**
 * Replaces an unknown function (`f`, an unevaluated sum) with a fixed smooth function that depends on its name and
 * every argument: equal applications have equal values, different ones have different values.
 */
function standIn(name: string, operands: readonly Complex[]): Complex {
  let seed = 0;
  for (let i = 0; i < name.length; i++) seed = (seed * 31 + name.charCodeAt(i)) % 9973;
  let phase = complex.multiply(real(1), real(seed / 9973));
  operands.forEach((operand, index) => {
    phase = complex.add(phase, complex.multiply(real(1.3 + index * 0.7), operand));
  });
  return complex.add(real(1.5 + seed / 9973), complex.sine(phase));
}
