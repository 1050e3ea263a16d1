import { apply, type Op, type Shape, type Value } from '../graph.ts';
import { reshape, sum } from './shaping.ts';

interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly scale: number;
}

const matmulOp: Op<MatmulAttributes> = {
  name: 'matmul',
  shapes: ([a, b], { transposeA, transposeB }) => {
    const [rows, inner] = matrix(a!, transposeA);
    const [innerB, columns] = matrix(b!, transposeB);
    const batch = a!.slice(0, -2);
    const isSameBatch = batch.length === b!.length - 2 && batch.every((size, axis) => size === b![axis]);
    return isSameBatch && inner === innerB ? [[...batch, rows, columns]] : 'equal batch and inner sizes';
  },
  emit(emitter, { inputs, outputs }, { attributes: { transposeA, transposeB, scale } }) {
    const attributes = { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: scale } };
    emitter.runtimeNode('FusedMatMul', inputs, attributes, outputs);
  },
  vjp: ({ inputs: [a, b], attributes: { transposeA, transposeB, scale } }, gradient) => [
    transposeA
      ? matmul(b!, gradient, { transposeA: transposeB, transposeB: true, scale })
      : matmul(gradient, b!, { transposeB: !transposeB, scale }),
    transposeB
      ? matmul(gradient, a!, { transposeA: true, transposeB: transposeA, scale })
      : matmul(a!, gradient, { transposeA: !transposeA, scale }),
  ],
};

function matrix(shape: Shape, isTransposed: boolean): readonly [rows: number, columns: number] {
  const [rows = 0, columns = 0] = shape.slice(-2);
  return isTransposed ? [columns, rows] : [rows, columns];
}

/**
 * Returns scale · A·B over the last two dimensions, with A or B optionally transposed first; all leading
 * dimensions must be equal.
 */
export function matmul(a: Value, b: Value, attributes: Partial<MatmulAttributes> = {}): Value {
  return apply(matmulOp, [a, b], { transposeA: false, transposeB: false, scale: 1, ...attributes });
}

const linearOp: Op<null> = {
  name: 'linear',
  shapes: ([x, weight, bias]) => {
    const fits = x![1] === weight![1] && (bias === undefined || bias[0] === weight![0]);
    return fits ? [[x![0]!, weight![0]!]] : 'x [rows, inputs], weight [outputs, inputs] and bias [outputs]';
  },
  emit: (emitter, { inputs, outputs }) => void emitter.node('Gemm', inputs, { transB: 1 }, outputs),
  vjp: ({ inputs: [x, weight, bias] }, gradient) => [
    matmul(gradient, weight!),
    matmul(gradient, x!, { transposeA: true }),
    ...(bias === undefined ? [] : [reshape(sum(gradient, [0]), bias.shape)]),
  ],
};

/**
 * Returns x·Wᵀ + b for x [rows, inputs], W [outputs, inputs] as Hugging Face stores it, and b [outputs] or
 * absent.
 */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  return apply(linearOp, bias === undefined ? [x, weight] : [x, weight, bias], null);
}
