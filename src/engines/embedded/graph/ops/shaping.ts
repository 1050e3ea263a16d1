import { apply, type Op, type Shape, type Value } from '../graph.ts';

/** Ops that move, repeat or sum elements. They share a file because each is the derivative of another. */

const count = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

const reshapeOp: Op<{ shape: Shape }> = {
  name: 'reshape',
  shapes: ([from], { shape }) =>
    count(from!) === count(shape) ? [shape] : `${count(shape)} elements for [${shape.join(', ')}]`,
  emit(emitter, { inputs, outputs }, { attributes }) {
    emitter.node('Reshape', [inputs[0]!, emitter.integers(attributes.shape)], {}, outputs);
  },
  vjp: ({ inputs }, gradient) => [reshape(gradient, inputs[0]!.shape)],
};

/** Returns the same elements in the same row-major order with the given shape. */
export function reshape(x: Value, shape: Shape): Value {
  const isSame = shape.length === x.shape.length && shape.every((size, axis) => size === x.shape[axis]);
  return isSame ? x : apply(reshapeOp, [x], { shape });
}

const transposeOp: Op<{ order: readonly number[] }> = {
  name: 'transpose',
  shapes: ([from], { order }) =>
    order.toSorted((a, b) => a - b).every((axis, index) => axis === index) && order.length === from!.length
      ? [order.map((axis) => from![axis]!)]
      : `as many axes as in the order [${order.join(', ')}]`,
  emit(emitter, { inputs, outputs }, { attributes }) {
    emitter.node('Transpose', inputs, { perm: attributes.order }, outputs);
  },
  vjp: ({ attributes: { order } }, gradient) => [
    transpose(
      gradient,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ],
};

/** Reorders dimensions: dimension i of the result is dimension `order[i]` of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  return apply(transposeOp, [x], { order });
}

const sumOp: Op<{ axes: readonly number[] }> = {
  name: 'sum',
  shapes: ([from], { axes }) =>
    axes.every((axis) => axis < from!.length)
      ? [from!.map((size, axis) => (axes.includes(axis) ? 1 : size))]
      : `more axes than ${Math.max(...axes)}`,
  emit(emitter, { inputs, outputs }, { attributes }) {
    emitter.node('ReduceSum', [inputs[0]!, emitter.integers(attributes.axes)], { keepdims: 1 }, outputs);
  },
  vjp: ({ inputs }, gradient) => [expand(gradient, inputs[0]!.shape)],
};

/** Sums along axes; the result keeps these axes with size 1. */
export function sum(x: Value, axes: readonly number[]): Value {
  return axes.length === 0 ? x : apply(sumOp, [x], { axes });
}

/** Sums all elements to a scalar. */
export function sumAll(x: Value): Value {
  return reshape(sum(x, [...x.shape.keys()]), []);
}

const expandOp: Op<{ shape: Shape }> = {
  name: 'expand',
  shapes: ([from], { shape }) =>
    from!.length === shape.length && from!.every((size, axis) => size === 1 || size === shape[axis])
      ? [shape]
      : `sizes 1 or those of [${shape.join(', ')}]`,
  emit(emitter, { inputs, outputs }, { attributes }) {
    emitter.node('Expand', [inputs[0]!, emitter.integers(attributes.shape)], {}, outputs);
  },
  vjp: ({ inputs }, gradient) => [sumTo(gradient, inputs[0]!.shape)],
};

/** Repeats x along its axes of size 1 until it has this shape. */
export function expand(x: Value, shape: Shape): Value {
  const aligned = reshape(x, [...Array<number>(shape.length - x.shape.length).fill(1), ...x.shape]);
  const isSame = shape.every((size, axis) => size === aligned.shape[axis]);
  return isSame ? aligned : apply(expandOp, [aligned], { shape });
}

/** Undoes broadcasting: sums over the axes that were repeated to get from `shape` to the shape of x. */
export function sumTo(x: Value, shape: Shape): Value {
  const extra = x.shape.length - shape.length;
  const repeated = (axis: number): boolean =>
    axis < extra || (shape[axis - extra] === 1 && x.shape[axis] !== 1);
  return reshape(sum(x, [...x.shape.keys()].filter(repeated)), shape);
}
