import { mathFamily } from '../family.ts';
import { greatestCommonDivisor } from '../notation.ts';

/**
 * `1/2+1/3=?`. Scratch work: the result before reducing, `5/6`. Answers are reduced; whole numbers have no denominator.
 */
export const fractions = mathFamily({
  name: 'fractions',
  knobs: [
    { operators: ['+'], largest: 9, sharedDenominator: true },
    { operators: ['+', '-'], largest: 15, sharedDenominator: true },
    { operators: ['*'], largest: 6, sharedDenominator: false },
    { operators: ['+'], largest: 5, sharedDenominator: false },
    { operators: ['+', '-'], largest: 9, sharedDenominator: false },
    { operators: ['+', '-', '*'], largest: 15, sharedDenominator: false },
  ],
  generate(rng, { operators, largest, sharedDenominator }) {
    const operator = rng.pick(operators);
    const [a, c] = [rng.integer(1, largest), rng.integer(1, largest)];
    const b = rng.integer(2, largest);
    const d = sharedDenominator ? b : rng.integer(2, largest);
    const [top, bottom] = combine(operator, [a, b], [c, d]);
    return {
      question: `${a}/${b}${operator}${c}/${d}=?`,
      work: `${top}/${bottom}`,
      answer: reduce(top, bottom),
    };
  },
});

type Fraction = readonly [top: number, bottom: number];

function combine(operator: '+' | '-' | '*', [a, b]: Fraction, [c, d]: Fraction): Fraction {
  if (operator === '*') return [a * c, b * d];
  const sign = operator === '+' ? 1 : -1;
  return b === d ? [a + sign * c, b] : [a * d + sign * c * b, b * d];
}

function reduce(top: number, bottom: number): string {
  const divisor = greatestCommonDivisor(top, bottom);
  const [a, b] = [top / divisor, bottom / divisor];
  return b === 1 ? String(a) : `${a}/${b}`;
}
