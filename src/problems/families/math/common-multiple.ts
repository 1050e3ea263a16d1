import { mathFamily } from '../family.ts';
import { greatestCommonDivisor } from '../notation.ts';

/** `lcm(4,6)=?`. Scratch work: the greatest common divisor and the remaining product, `2,2*6`. */
export const commonMultiple = mathFamily({
  name: 'common-multiple',
  knobs: [12, 16, 20, 30, 50, 99],
  generate(rng, largest) {
    const [a, b] = [rng.integer(2, largest), rng.integer(2, largest)];
    const shared = greatestCommonDivisor(a, b);
    return { question: `lcm(${a},${b})=?`, work: `${shared},${a / shared}*${b}`, answer: (a / shared) * b };
  },
});
