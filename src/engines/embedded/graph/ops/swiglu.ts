import { apply, constant, type Op, type Value } from '../graph.ts';
import { add, multiply, subtract } from './elementwise.ts';

const swigluOp: Op<null> = {
  name: 'swiglu',
  shapes: ([gate, up]) =>
    gate!.length === up!.length && gate!.every((size, axis) => size === up![axis])
      ? [gate!, gate!, gate!]
      : 'equal shapes',
  emit(emitter, { inputs: [gate, up], outputs: [result, sigmoid, silu] }) {
    emitter.node('Sigmoid', [gate!], {}, [sigmoid!]);
    emitter.node('Mul', [gate!, sigmoid!], {}, [silu!]);
    emitter.node('Mul', [silu!, up!], {}, [result!]);
  },
  vjp: ({ inputs: [, up], outputs: [, sigmoid, silu] }, gradient) => {
    const slope = add(sigmoid!, multiply(silu!, subtract(constant(1), sigmoid!)));
    return [multiply(multiply(gradient, up!), slope), multiply(gradient, silu!)];
  },
};

/** Returns gate · σ(gate) · up, the activation of SwiGLU (Shazeer 2020, eq. 6). */
export function swiglu(gate: Value, up: Value): Value {
  return apply(swigluOp, [gate, up], null);
}
