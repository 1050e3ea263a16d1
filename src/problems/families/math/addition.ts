import { mathFamily } from '../family.ts';
import { fromTheRight, integerIn } from '../notation.ts';

/** `17+25=?`: sums of increasing length. Scratch work: the sum's digits from right to left, as in addition by hand. */
export const addition = mathFamily({
  name: 'addition',
  knobs: [
    { first: [0, 19], second: [0, 19] },
    { first: [10, 99], second: [2, 19] },
    { first: [10, 99], second: [10, 99] },
    { first: [100, 999], second: [10, 99] },
    { first: [100, 999], second: [100, 999] },
    { first: [1000, 9999], second: [1000, 9999] },
  ],
  generate(rng, { first, second }) {
    const [a, b] = [integerIn(rng, first), integerIn(rng, second)];
    return { question: `${a}+${b}=?`, work: fromTheRight(a + b), answer: a + b };
  },
});
