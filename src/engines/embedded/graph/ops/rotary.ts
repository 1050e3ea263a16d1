import { apply, type Op, type Value } from '../graph.ts';
import { negate } from './elementwise.ts';

const rotateOp: Op<null> = {
  name: 'rotate',
  shapes: ([x, cosine, sine]) => {
    const [positions, half] = cosine!;
    const isTable = sine!.length === 2 && sine![0] === positions && sine![1] === half;
    const fits = x!.length === 3 && positions! >= x![1]! && x![2]! % (2 * half!) === 0;
    return isTable && fits ? [x!] : 'x [batch, positions, heads · size] and tables [positions, size / 2]';
  },
  emit(emitter, { inputs: [x, cosine, sine], outputs }) {
    const first = emitter.integers([0]);
    emitter.runtimeNode('RotaryEmbedding', [x!, first, cosine!, sine!], { interleaved: 0 }, outputs);
  },
  vjp: ({ inputs: [, cosine, sine] }, gradient) => [rotate(gradient, cosine!, negate(sine!)), null, null],
};

/**
 * Rotary position embedding in the rotate-half pairing: rotates elements i and i + size/2 of each head by the angle
 * whose cosine and sine are in row t of the tables [positions, size/2] (Su et al. 2021, eq. 34). The tables have no
 * gradient. The derivative is the inverse rotation.
 *
 * @param x [batch, positions, heads · size]
 */
export function rotate(x: Value, cosine: Value, sine: Value): Value {
  return apply(rotateOp, [x, cosine, sine], null);
}
