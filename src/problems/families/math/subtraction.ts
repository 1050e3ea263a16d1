import { mathFamily } from '../family.ts';
import { fromTheRight, integerIn } from '../notation.ts';

/** `42-17=?`, never below 0. Scratch work: the difference's digits from right to left, as in subtraction by hand. */
export const subtraction = mathFamily({
  name: 'subtraction',
  knobs: [
    { first: [0, 29], second: [0, 19] },
    { first: [20, 99], second: [2, 19] },
    { first: [10, 99], second: [10, 99] },
    { first: [100, 999], second: [10, 99] },
    { first: [100, 999], second: [100, 999] },
    { first: [1000, 9999], second: [1000, 9999] },
  ],
  generate(rng, { first, second }) {
    const [a, b] = [integerIn(rng, first), integerIn(rng, second)];
    const [large, small] = [Math.max(a, b), Math.min(a, b)];
    return { question: `${large}-${small}=?`, work: fromTheRight(large - small), answer: large - small };
  },
});
