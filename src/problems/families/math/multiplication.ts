import { mathFamily } from '../family.ts';
import { integerIn } from '../notation.ts';

/** `24*3=?`. Scratch work: one partial product for each digit of the longer factor, `60+12`. */
export const multiplication = mathFamily({
  name: 'multiplication',
  knobs: [
    { first: [0, 19], second: [0, 9] },
    { first: [10, 60], second: [2, 5] },
    { first: [10, 99], second: [2, 9] },
    { first: [100, 999], second: [2, 5] },
    { first: [100, 999], second: [3, 9] },
    { first: [10, 99], second: [11, 99] },
  ],
  generate(rng, { first, second }) {
    const [a, b] = [integerIn(rng, first), integerIn(rng, second)];
    return { question: `${a}*${b}=?`, work: partialProducts(a, b), answer: a * b };
  },
});

function partialProducts(a: number, b: number): string {
  const digits = [...String(a)];
  return digits.map((digit, i) => Number(digit) * 10 ** (digits.length - 1 - i) * b).join('+');
}
