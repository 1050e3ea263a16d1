import { apply, constant, type Op, type Value } from '../graph.ts';
import { multiply, subtract } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { sum } from './shaping.ts';

interface AttendAttributes {
  readonly scale: number;
  /** Scores become cap · tanh(score / cap) before the mask; absent: unchanged. */
  readonly cap?: number | undefined;
}

const attendOp: Op<AttendAttributes> = {
  name: 'attend',
  shapes: ([query, key, value, mask], { cap }) => {
    const scores = [...query!.slice(0, 3), key![2]!];
    const isSameBatch = query![0] === key![0] && query![1] === key![1] && query![3] === key![3];
    const fits = value!.every((size, axis) => size === key![axis]) && mask!.at(-1) === key![2];
    return isSameBatch && fits && mask!.at(-2) === query![2]
      ? [query!, scores, ...(cap === undefined ? [] : [scores])]
      : 'query [batch, heads, queries, size], key and value [batch, heads, keys, size], mask [queries, keys]';
  },
  emit(emitter, { inputs, outputs: [result, probabilities, tanh] }, { attributes: { scale, cap = 1 } }) {
    const [query, key, value, mask] = inputs;
    const scaled = { transB: 1, alpha: { float: scale / cap } };
    let scores = emitter.runtimeNode('FusedMatMul', [query!, key!], scaled);
    if (tanh !== undefined) {
      emitter.node('Tanh', [scores], {}, [tanh]);
      scores = emitter.node('Mul', [tanh, emitter.floats([cap], [])]);
    }
    emitter.node('Softmax', [emitter.node('Add', [scores, mask!])], { axis: -1 }, [probabilities!]);
    emitter.runtimeNode('FusedMatMul', [probabilities!, value!], {}, [result!]);
  },
  vjp: (
    { inputs: [query, key, value], outputs: [result, probabilities, tanh], attributes: { scale } },
    gradient,
  ) => {
    const offset = sum(multiply(gradient, result!), [3]);
    const byProbability = matmul(gradient, value!, { transposeB: true });
    const byCapped = multiply(probabilities!, subtract(byProbability, offset));
    const byScore =
      tanh === undefined ? byCapped : multiply(byCapped, subtract(constant(1), multiply(tanh, tanh)));
    return [
      matmul(byScore, key!, { scale }),
      matmul(byScore, query!, { transposeA: true, scale }),
      matmul(probabilities!, gradient, { transposeA: true }),
      null,
    ];
  },
};

/**
 * Returns softmax(scale · Q·Kᵀ + mask) · V per batch and head. Keeps the probabilities for the derivative,
 * which computes Σ P·∂P as Σ O·∂O, a sum over head size instead of keys (Dao et al. 2022, appendix B.2). The
 * mask has no gradient.
 *
 * @param cap soft cap of the scores (Gemma 2): cap · tanh(score / cap)
 */
export function attend(
  query: Value,
  key: Value,
  value: Value,
  mask: Value,
  scale: number,
  cap?: number,
): Value {
  return apply(attendOp, [query, key, value, mask], { scale, cap });
}
