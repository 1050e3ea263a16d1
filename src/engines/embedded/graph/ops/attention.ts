import { apply, type Op, type Value } from '../graph.ts';
import { multiply, subtract } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { sum } from './shaping.ts';

const attendOp: Op<{ scale: number }> = {
  name: 'attend',
  shapes: ([query, key, value, mask]) => {
    const scores = [...query!.slice(0, 3), key![2]!];
    const isSameBatch = query![0] === key![0] && query![1] === key![1] && query![3] === key![3];
    const fits = value!.every((size, axis) => size === key![axis]) && mask!.at(-1) === key![2];
    return isSameBatch && fits && mask!.at(-2) === query![2]
      ? [query!, scores]
      : 'query [batch, heads, queries, size], key and value [batch, heads, keys, size], mask [queries, keys]';
  },
  emit(emitter, { inputs: [query, key, value, mask], outputs: [result, probabilities] }, { attributes }) {
    const scaled = { transB: 1, alpha: { float: attributes.scale } };
    const scores = emitter.runtimeNode('FusedMatMul', [query!, key!], scaled);
    emitter.node('Softmax', [emitter.node('Add', [scores, mask!])], { axis: -1 }, [probabilities!]);
    emitter.runtimeNode('FusedMatMul', [probabilities!, value!], {}, [result!]);
  },
  vjp: (
    { inputs: [query, key, value], outputs: [result, probabilities], attributes: { scale } },
    gradient,
  ) => {
    const offset = sum(multiply(gradient, result!), [3]);
    const byProbability = matmul(gradient, value!, { transposeB: true });
    const byScore = multiply(probabilities!, subtract(byProbability, offset));
    return [
      matmul(byScore, key!, { scale }),
      matmul(byScore, query!, { transposeA: true, scale }),
      matmul(probabilities!, gradient, { transposeA: true }),
      null,
    ];
  },
};

/**
 * softmax(scale · Q·Kᵀ + mask) · V per batch and head; keeps the probabilities for the derivative, which takes
 * Σ P·∂P as Σ O·∂O, a sum over head size instead of keys (Dao et al. 2022, appendix B.2). The mask has no gradient.
 */
export function attend(query: Value, key: Value, value: Value, mask: Value, scale: number): Value {
  return apply(attendOp, [query, key, value, mask], { scale });
}
