import { apply, constant, type Op, type Shape, type Value } from '../graph.ts';
import { sumTo } from './shaping.ts';

/** Elementwise arithmetic. The operands of binary operations broadcast as in NumPy. */

/** Returns the gradients of both operands, given the gradient of the result; `binary` sums them over broadcast axes. */
type BinaryDerivative = (
  gradient: Value,
  a: Value,
  b: Value,
  result: Value,
) => readonly [Value | null, Value | null];

function broadcast([a = [], b = []]: readonly Shape[]): readonly Shape[] | string {
  const rank = Math.max(a.length, b.length);
  const size = (shape: Shape, axis: number): number => shape[axis - rank + shape.length] ?? 1;
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const fits = axes.every((i) => size(a, i) === size(b, i) || size(a, i) === 1 || size(b, i) === 1);
  return fits ? [axes.map((i) => Math.max(size(a, i), size(b, i)))] : 'shapes that broadcast';
}

function binary(name: string, onnxType: string, derivative: BinaryDerivative): (a: Value, b: Value) => Value {
  const op: Op<null> = {
    name,
    shapes: broadcast,
    emit: (emitter, { inputs, outputs }) => void emitter.node(onnxType, inputs, {}, outputs),
    vjp: ({ inputs: [a, b], outputs }, gradient) => {
      const [left, right] = derivative(gradient, a!, b!, outputs[0]!);
      return [left && sumTo(left, a!.shape), right && sumTo(right, b!.shape)];
    },
  };
  return (a, b) => apply(op, [a, b], null);
}

function unary(
  name: string,
  onnxType: string,
  derivative: (gradient: Value, x: Value, result: Value) => Value,
) {
  const op: Op<null> = {
    name,
    shapes: ([shape]) => [shape!],
    emit: (emitter, { inputs, outputs }) => void emitter.node(onnxType, inputs, {}, outputs),
    vjp: ({ inputs: [x], outputs }, gradient) => [derivative(gradient, x!, outputs[0]!)],
  };
  return (x: Value): Value => apply(op, [x], null);
}

/** a + b */
export const add = binary('add', 'Add', (gradient) => [gradient, gradient]);

/** a − b */
export const subtract = binary('subtract', 'Sub', (gradient) => [gradient, negate(gradient)]);

/** a · b */
export const multiply = binary('multiply', 'Mul', (gradient, a, b) => [
  multiply(gradient, b),
  multiply(gradient, a),
]);

/** a / b */
export const divide = binary('divide', 'Div', (gradient, _a, b, result) => {
  const left = divide(gradient, b);
  return [left, negate(multiply(left, result))];
});

/** The smaller of a and b; if they are equal, the gradient goes to a. */
export const minimum = binary('minimum', 'Min', (gradient, a, b) => {
  const mask = lessOrEqual(a, b);
  return [multiply(gradient, mask), multiply(gradient, subtract(constant(1), mask))];
});

/** The larger of a and b; if they are equal, the gradient goes to a. */
export const maximum = binary('maximum', 'Max', (gradient, a, b) => {
  const mask = lessOrEqual(b, a);
  return [multiply(gradient, mask), multiply(gradient, subtract(constant(1), mask))];
});

/** −x */
export const negate = unary('negate', 'Neg', (gradient) => negate(gradient));

/** eˣ */
export const exp = unary('exp', 'Exp', (gradient, _x, result) => multiply(gradient, result));

/** Hyperbolic tangent. */
export const tanh = unary('tanh', 'Tanh', (gradient, _x, result) =>
  multiply(gradient, subtract(constant(1), multiply(result, result))),
);

/** Returns min(max(x, low), high); the gradient is 0 outside the bounds and passes through at the bounds. */
export function clamp(x: Value, low: Value, high: Value): Value {
  return minimum(maximum(x, low), high);
}

const lessOrEqualOp: Op<null> = {
  name: 'lessOrEqual',
  shapes: broadcast,
  emit(emitter, { inputs, outputs }) {
    emitter.node('Cast', [emitter.node('LessOrEqual', inputs)], { to: 1 }, outputs);
  },
  vjp: () => [null, null],
};

/** Returns 1 where a ≤ b, else 0. Has no gradient. */
export function lessOrEqual(a: Value, b: Value): Value {
  return apply(lessOrEqualOp, [a, b], null);
}

const stopGradientOp: Op<null> = {
  name: 'stopGradient',
  shapes: ([shape]) => [shape!],
  emit: (emitter, { inputs, outputs }) => void emitter.node('Identity', inputs, {}, outputs),
  vjp: () => [null],
};

/** Returns x, treated as a constant by differentiation. */
export function stopGradient(x: Value): Value {
  return apply(stopGradientOp, [x], null);
}
