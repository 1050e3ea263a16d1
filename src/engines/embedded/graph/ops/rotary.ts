import { apply, type Op, type Value } from '../graph.ts';
import { negate } from './elementwise.ts';

/** Size of a head if only the elements covered by the tables rotate; `null`: all elements rotate. */
interface RotateAttributes {
  readonly headSize: number | null;
}

const rotateOp: Op<RotateAttributes> = {
  name: 'rotate',
  shapes: ([x, cosine, sine], { headSize }) => {
    const [positions, half] = cosine!;
    const isTable = sine!.length === 2 && sine![0] === positions && sine![1] === half;
    const fits = x!.length === 3 && positions! >= x![1]! && x![2]! % (headSize ?? 2 * half!) === 0;
    return isTable && fits ? [x!] : 'x [batch, positions, heads · size] and tables [positions, size / 2]';
  },
  emit(
    emitter,
    { inputs: [x, cosine, sine], outputs },
    { inputs: [value, table], attributes: { headSize } },
  ) {
    const first = emitter.integers([0]);
    const part =
      headSize === null
        ? {}
        : { num_heads: value!.shape[2]! / headSize, rotary_embedding_dim: 2 * table!.shape[1]! };
    const attributes = { interleaved: 0, ...part };
    emitter.runtimeNode('RotaryEmbedding', [x!, first, cosine!, sine!], attributes, outputs);
  },
  vjp: ({ inputs: [, cosine, sine], attributes: { headSize } }, gradient) => [
    rotate(gradient, cosine!, negate(sine!), headSize),
    null,
    null,
  ],
};

/**
 * Applies rotary position embedding with rotate-half pairing: rotates elements i and i + size/2 of each head
 * by the angle whose cosine and sine are in row t of the tables [positions, size/2] (Su et al. 2021, eq. 34).
 * The tables have no gradient. The derivative is the inverse rotation.
 *
 * @param x [batch, positions, heads · size]
 * @param headSize size of a head if only the elements covered by the tables rotate; `null`: all elements
 * rotate
 */
export function rotate(x: Value, cosine: Value, sine: Value, headSize: number | null = null): Value {
  return apply(rotateOp, [x, cosine, sine], { headSize });
}
