import type { Rng } from '../../../core/rng.ts';
import { codeFamily } from '../family.ts';

type Piece = { readonly text: string; readonly compute: (x: number) => number };

/**
 * `if x>5 x+2 else 3*x`, or the same in words: write the function. Higher knobs nest branches and use larger constants.
 */
export const conditional = codeFamily({
  name: 'conditional',
  knobs: [
    { largest: 5, depth: 1, words: false },
    { largest: 9, depth: 1, words: false },
    { largest: 9, depth: 1, words: true },
    { largest: 20, depth: 1, words: true },
    { largest: 9, depth: 2, words: false },
    { largest: 20, depth: 2, words: true },
  ],
  generate(rng, { largest, depth, words }) {
    const { question, body, compute } = branch(rng, largest, depth, words);
    return { question, work: '', body, compute, parameters: 1, largestArgument: largest + 5 };
  },
});

function branch(
  rng: Rng,
  largest: number,
  depth: number,
  words: boolean,
): { question: string; body: string; compute: (x: number) => number } {
  const bound = rng.integer(1, largest);
  const isAbove = rng.next() < 0.5;
  const then = piece(rng, largest);
  const rest = depth === 1 ? undefined : branch(rng, largest, depth - 1, words);
  const otherwise = rest === undefined ? piece(rng, largest) : { text: rest.body, compute: rest.compute };
  const condition = words ? `x ${isAbove ? 'above' : 'below'} ${bound}` : `x${isAbove ? '>' : '<'}${bound}`;
  return {
    question: `if ${condition} ${then.text} else ${rest?.question ?? otherwise.text}`,
    body: `x${isAbove ? '>' : '<'}${bound}?${then.text}:${otherwise.text}`,
    compute: (x) => ((isAbove ? x > bound : x < bound) ? then : otherwise).compute(x),
  };
}

function piece(rng: Rng, largest: number): Piece {
  const c = rng.integer(1, largest);
  const pieces: readonly Piece[] = [
    { text: `x+${c}`, compute: (x) => x + c },
    { text: `x-${c}`, compute: (x) => x - c },
    { text: `${c}*x`, compute: (x) => c * x },
    { text: `${c}`, compute: () => c },
  ];
  return rng.pick(pieces);
}
