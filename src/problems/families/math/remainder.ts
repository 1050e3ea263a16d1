import { mathFamily } from '../family.ts';
import { integerIn } from '../notation.ts';

/**
 * `137%7=?`: modular arithmetic; the hardest problems reduce a product. Scratch work: the largest multiple of the
 * divisor that is not above the number.
 */
export const remainder = mathFamily({
  name: 'remainder',
  knobs: [
    { largest: 44, modulus: [2, 5], product: false },
    { largest: 59, modulus: [2, 9], product: false },
    { largest: 99, modulus: [3, 12], product: false },
    { largest: 299, modulus: [3, 12], product: false },
    { largest: 19, modulus: [3, 12], product: true },
    { largest: 999, modulus: [7, 19], product: false },
  ],
  generate(rng, { largest, modulus, product }) {
    const m = integerIn(rng, modulus);
    const [a, b] = [rng.integer(2, largest), product ? rng.integer(2, 9) : 1];
    const [value, rest] = [a * b, (a * b) % m];
    const question = product ? `${a}*${b}%${m}=?` : `${a}%${m}=?`;
    return { question, work: product ? `${value}-${value - rest}` : String(value - rest), answer: rest };
  },
});
