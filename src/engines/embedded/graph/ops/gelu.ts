import { apply, constant, type Op, type Value } from '../graph.ts';
import { add, multiply, subtract } from './elementwise.ts';

const slope = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

/** Keeps t = tanh(√(2/π) · (x + 0.044715 x³)) for the derivative. */
const geluOp: Op<null> = {
  name: 'gelu',
  shapes: ([x]) => [x!, x!],
  emit(emitter, { inputs: [x], outputs: [result, tanh] }) {
    const number = (value: number): string => emitter.floats([value], []);
    const square = emitter.node('Mul', [x!, x!]);
    const inner = emitter.node('Add', [emitter.node('Mul', [square, number(slope * cubic)]), number(slope)]);
    emitter.node('Tanh', [emitter.node('Mul', [x!, inner])], {}, [tanh!]);
    const half = emitter.node('Mul', [x!, number(0.5)]);
    emitter.node('Mul', [half, emitter.node('Add', [tanh!, number(1)])], {}, [result!]);
  },
  vjp: ({ inputs: [x], outputs: [, tanh] }, gradient) => {
    // ½(1 + t) + ½x(1 − t²)·√(2/π)(1 + 3·0.044715x²)
    const one = constant(1);
    const square = multiply(x!, x!);
    const inner = multiply(x!, add(constant(slope), multiply(square, constant(3 * slope * cubic))));
    const byTanh = multiply(subtract(one, multiply(tanh!, tanh!)), inner);
    return [multiply(gradient, multiply(constant(0.5), add(add(one, tanh!), byTanh)))];
  },
};

/**
 * Computes the tanh approximation of GELU (Hendrycks & Gimpel 2016): ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
 */
export function gelu(x: Value): Value {
  return apply(geluOp, [x], null);
}
