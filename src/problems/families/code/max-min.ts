import { codeFamily } from '../family.ts';
import { integerIn, term, valueTable } from '../notation.ts';

/**
 * Values of `Math.max(x,y)+c` or `Math.min(x,y)+c`: find the function. Scratch work: the chosen argument and the added
 * constant.
 */
export const maxMin = codeFamily({
  name: 'max-min',
  knobs: [
    { largest: 9, constants: [0, 0] },
    { largest: 9, constants: [0, 4] },
    { largest: 9, constants: [0, 12] },
    { largest: 20, constants: [0, 12] },
    { largest: 20, constants: [-9, 20] },
    { largest: 60, constants: [-30, 40] },
  ],
  generate(rng, { largest, constants }) {
    const isMax = rng.next() < 0.5;
    const c = integerIn(rng, constants);
    const [low, high] = [rng.integer(0, largest - 1), rng.integer(0, largest - 1)];
    // One pair in each order: together they distinguish max from min and from a plain x or y.
    const rising = [low, rng.integer(low + 1, largest)] as const;
    const falling = [rng.integer(high + 1, largest), high] as const;
    const pairs = rng.shuffle([rising, falling]);
    const choose = isMax ? Math.max : Math.min;
    return {
      question: valueTable(pairs.map((pair) => ({ arguments: pair, value: choose(...pair) + c }))),
      work: pairs.map((pair) => `${choose(...pair)}${c < 0 ? c : `+${c}`}`).join(','),
      body: `Math.${isMax ? 'max' : 'min'}(x,y)${term(c)}`,
      compute: (x, y) => choose(x, y) + c,
      parameters: 2,
      largestArgument: 20,
    };
  },
});
