import { mathFamily } from '../family.ts';
import { greatestCommonDivisor } from '../notation.ts';

/** `gcd(12,18)=?`. Scratch work: Euclid's remainders down to 0. */
export const greatestDivisor = mathFamily({
  name: 'greatest-divisor',
  knobs: [12, 20, 40, 80, 150, 400],
  generate(rng, largest) {
    const shared = rng.integer(1, Math.ceil(largest / 4));
    const draw = (): number => shared * rng.integer(1, Math.floor(largest / shared));
    const [a, b] = [draw(), draw()];
    return {
      question: `gcd(${a},${b})=?`,
      work: euclid(Math.max(a, b), Math.min(a, b)).join(','),
      answer: greatestCommonDivisor(a, b),
    };
  },
});

function euclid(large: number, small: number): number[] {
  const rest = large % small;
  return rest === 0 ? [0] : [rest, ...euclid(small, rest)];
}
