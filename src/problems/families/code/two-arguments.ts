import { codeFamily } from '../family.ts';
import { integerIn, term, valueTable } from '../notation.ts';

const operations = {
  'x+y': (x: number, y: number) => x + y,
  'x-y': (x: number, y: number) => x - y,
  'x*y': (x: number, y: number) => x * y,
} as const;
type Operation = keyof typeof operations;

/**
 * Values of `x+y+c`, `x-y+c` or `x*y+c`, or of `k*x+y+c` at higher knobs: find the function. Scratch work: each value
 * split into two parts.
 */
export const twoArguments = codeFamily({
  name: 'two-arguments',
  knobs: [
    { bodies: ['x+y', 'x-y'], factor: 1, constants: [0, 0], largest: 9 },
    { bodies: ['x+y', 'x-y', 'x*y'], factor: 1, constants: [0, 4], largest: 9 },
    { bodies: ['x+y', 'x-y', 'x*y'], factor: 1, constants: [0, 12], largest: 9 },
    { bodies: ['x+y', 'x-y'], factor: 3, constants: [0, 9], largest: 9 },
    { bodies: ['x+y', 'x-y', 'x*y'], factor: 1, constants: [-20, 20], largest: 15 },
    { bodies: ['x+y', 'x-y'], factor: 6, constants: [-12, 20], largest: 12 },
  ],
  generate(rng, { bodies, factor, constants, largest }) {
    const [body, c] = [rng.pick<Operation>(bodies), integerIn(rng, constants)];
    const k = rng.integer(Math.min(2, factor), factor);
    const main = (x: number, y: number): number => operations[body](k * x, y);
    const pairs = Array.from(
      { length: 3 },
      () => [rng.integer(1, largest), rng.integer(1, largest)] as const,
    );
    return {
      question: valueTable(pairs.map(([x, y]) => ({ arguments: [x, y], value: main(x, y) + c }))),
      work: pairs
        .slice(0, 2)
        .map(([x, y]) => `${main(x, y)}${c < 0 ? c : `+${c}`}`)
        .join(','),
      body: `${k === 1 ? '' : `${k}*`}${body}${term(c)}`,
      compute: (x, y) => main(x, y) + c,
      parameters: 2,
    };
  },
});
