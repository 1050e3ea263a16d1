import { apply, type Op, type Value } from '../graph.ts';

const topOp: Op<{ count: number }> = {
  name: 'top',
  shapes: ([x], { count }) =>
    x!.length === 2 && count <= x![1]! ? [[x![0]!, 2 * count]] : `a matrix of at least ${count} columns`,
  emit(emitter, { inputs, outputs }, { attributes: { count } }) {
    const places = `${outputs[0]!}:places`;
    const found = [`${outputs[0]!}:values`, places];
    const values = emitter.node('TopK', [...inputs, emitter.integers([count])], { axis: -1 }, found);
    emitter.node('Concat', [values, emitter.node('Cast', [places], { to: 1 })], { axis: -1 }, outputs);
  },
  vjp: () => [null],
};

/**
 * Returns the `count` largest elements of each row, largest first, followed by their column indices as
 * floats: [rows, columns] to [rows, 2 · count]. Among equal elements, the smaller column comes first.
 */
export function top(x: Value, count: number): Value {
  return apply(topOp, [x], { count });
}
