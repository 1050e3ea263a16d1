import { mathFamily } from '../family.ts';
import { integerIn, term } from '../notation.ts';

/** `3x+5=20,x=?`; the hardest problems have x on both sides. Scratch work: the equation reduced to `3x=15`. */
export const linearEquation = mathFamily({
  name: 'linear-equation',
  knobs: [
    { factor: 4, offset: 20, solution: [0, 5], otherSide: 0 },
    { factor: 6, offset: 30, solution: [0, 9], otherSide: 0 },
    { factor: 9, offset: 30, solution: [-9, 9], otherSide: 0 },
    { factor: 12, offset: 60, solution: [-12, 12], otherSide: 0 },
    { factor: 5, offset: 20, solution: [0, 9], otherSide: 4 },
    { factor: 9, offset: 60, solution: [-12, 12], otherSide: 8 },
  ],
  generate(rng, { factor, offset, solution, otherSide }) {
    const x = integerIn(rng, solution);
    const net = rng.integer(2, factor);
    const right = rng.integer(Math.min(1, otherSide), otherSide);
    const added = rng.integer(1, offset) * (solution[0] < 0 && rng.next() < 0.5 ? -1 : 1);
    const [left, constant] = [net + right, net * x + added];
    const rightSide = right === 0 ? String(constant) : `${right}x${term(constant)}`;
    return { question: `${left}x${term(added)}=${rightSide},x=?`, work: `${net}x=${net * x}`, answer: x };
  },
});
