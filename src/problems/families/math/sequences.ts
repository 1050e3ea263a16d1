import type { Rng } from '../../../core/rng.ts';
import { mathFamily } from '../family.ts';
import { integerIn, term } from '../notation.ts';

/** `3,7,11,?`: find the next term. Scratch work: the step (`+4` or `*2`), or the next step if the steps grow. */
export const sequences = mathFamily({
  name: 'sequences',
  knobs: [
    (rng) => arithmetic(rng, 20, [1, 9]),
    (rng) => arithmetic(rng, 60, [2, 15]),
    (rng) => arithmetic(rng, 90, [-20, 20]),
    (rng) => geometric(rng, [1, 60], [2, 4]),
    (rng) => growingSteps(rng, 20, 5),
    (rng) => growingSteps(rng, 90, 15),
  ] satisfies ((rng: Rng) => Sequence)[],
  generate(rng, draw) {
    const { terms, rule, next } = draw(rng);
    return { question: `${terms.join(',')},?`, work: rule, answer: next };
  },
});

interface Sequence {
  readonly terms: readonly number[];
  readonly rule: string;
  readonly next: number;
}

function arithmetic(rng: Rng, largestStart: number, steps: readonly [number, number]): Sequence {
  const [start, step] = [rng.integer(1, largestStart), integerIn(rng, steps) || 1];
  return { terms: [start, start + step, start + 2 * step], rule: term(step), next: start + 3 * step };
}

function geometric(rng: Rng, starts: readonly [number, number], ratios: readonly [number, number]): Sequence {
  const [start, ratio] = [integerIn(rng, starts), integerIn(rng, ratios)];
  return { terms: [start, start * ratio, start * ratio ** 2], rule: `*${ratio}`, next: start * ratio ** 3 };
}

/** Draws a sequence whose steps grow by the same amount each time: 1, 3, 6, 10. */
function growingSteps(rng: Rng, largestStart: number, largestStep: number): Sequence {
  const [start, step, growth] = [
    rng.integer(1, largestStart),
    rng.integer(1, largestStep),
    rng.integer(1, largestStep),
  ];
  const at = (n: number): number => start + n * step + (growth * n * (n - 1)) / 2;
  return { terms: [at(0), at(1), at(2), at(3)], rule: term(step + 3 * growth), next: at(4) };
}
