import { apply, constant, type Op, type Value } from '../graph.ts';
import { multiply, subtract } from './elementwise.ts';
import { reshape, sum } from './shaping.ts';

const rmsNormOp: Op<{ epsilon: number }> = {
  name: 'rmsNorm',
  shapes: ([x, weight]) =>
    x!.length === 2 && weight!.length === 1 && x![1] === weight![0]
      ? [x!, [x![0]!, 1]]
      : 'x [rows, size] and weight [size]',
  emit(emitter, { inputs, outputs: [result, inverse] }, { attributes: { epsilon } }) {
    const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
    emitter.node('SimplifiedLayerNormalization', inputs, attributes, [result!, inverse!]);
  },
  vjp: ({ inputs: [x, weight], outputs: [, inverse] }, gradient) => {
    const size = x!.shape[1]!;
    const normal = multiply(x!, inverse!);
    const scaled = multiply(gradient, weight!);
    const along = multiply(sum(multiply(scaled, normal), [1]), constant(1 / size));
    return [
      multiply(subtract(scaled, multiply(normal, along)), inverse!),
      reshape(sum(multiply(gradient, normal), [0]), weight!.shape),
    ];
  },
};

/**
 * Returns x / √(mean x² + ε) · weight along each row (Zhang & Sennrich 2019, eq. 4). Keeps 1/√(…) for the
 * derivative.
 */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  return apply(rmsNormOp, [x, weight], { epsilon });
}
