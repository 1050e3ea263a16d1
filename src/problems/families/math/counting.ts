import { mathFamily } from '../family.ts';
import { greatestCommonDivisor, integerIn } from '../notation.ts';

/**
 * `how many 4n in 3..17?` asks for the multiples of 4 from 3 to 17. Scratch work: the number of multiples up to the
 * end, minus the number before the start.
 */
export const counting = mathFamily({
  name: 'counting',
  knobs: [
    { largest: 30, divisors: [1, 1], either: false },
    { largest: 99, divisors: [1, 1], either: false },
    { largest: 40, divisors: [2, 5], either: false },
    { largest: 99, divisors: [2, 9], either: false },
    { largest: 400, divisors: [2, 12], either: false },
    { largest: 99, divisors: [2, 6], either: true },
  ],
  generate(rng, { largest, divisors, either }) {
    const [a, b] = [rng.integer(1, largest), rng.integer(1, largest)];
    const [first, last] = [Math.min(a, b), Math.max(a, b)];
    const [one, other] = [integerIn(rng, divisors), either ? rng.integer(7, 9) : 0];
    const kinds = [one, other]
      .filter((divisor) => divisor > 0)
      .map((divisor) => (divisor === 1 ? 'n' : `${divisor}n`));
    const [upToLast, before] = [multiples(last, one, other), multiples(first - 1, one, other)];
    return {
      question: `how many ${kinds.join(' or ')} in ${first}..${last}?`,
      work: `${upToLast}-${before}`,
      answer: upToLast - before,
    };
  },
});

/** Counts the numbers in 1..last that are multiples of `one`, or of `other` unless that is 0. */
function multiples(last: number, one: number, other: number): number {
  const of = (divisor: number): number => Math.floor(last / divisor);
  if (other === 0) return of(one);
  return of(one) + of(other) - of((one * other) / greatestCommonDivisor(one, other));
}
