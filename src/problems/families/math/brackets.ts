import type { Rng } from '../../../core/rng.ts';
import { mathFamily } from '../family.ts';

interface Expression {
  readonly text: string;
  /** The steps that evaluate the expression, innermost brackets first. */
  readonly steps: readonly string[];
  readonly value: number;
}

/** `(3+4)*5=?`: from one pair of brackets to nested ones. Scratch work: the brackets evaluated from the inside out. */
export const brackets = mathFamily({
  name: 'brackets',
  knobs: [sumThenMinus, sumTimes, timesDifference, productOfSums, productMinus, nested],
  generate(rng, shape) {
    const { text, steps, value } = shape(rng);
    return { question: `${text}=?`, work: steps.join('='), answer: value };
  },
});

const digit = (rng: Rng): number => rng.integer(1, 9);

function sumThenMinus(rng: Rng): Expression {
  const [a, b, c] = [digit(rng), digit(rng), digit(rng)];
  return { text: `(${a}+${b})-${c}`, steps: [`${a + b}-${c}`], value: a + b - c };
}

function sumTimes(rng: Rng): Expression {
  const [a, b, c] = [digit(rng), digit(rng), digit(rng)];
  return { text: `(${a}+${b})*${c}`, steps: [`${a + b}*${c}`], value: (a + b) * c };
}

function timesDifference(rng: Rng): Expression {
  const [a, b, c, d] = [digit(rng), digit(rng), digit(rng), digit(rng)];
  return { text: `(${a}+${b})*(${c}-${d})`, steps: [`${a + b}*${c - d}`], value: (a + b) * (c - d) };
}

function productOfSums(rng: Rng): Expression {
  const [a, b, c, d] = [digit(rng), digit(rng), digit(rng), digit(rng)];
  return { text: `(${a}+${b})*(${c}+${d})`, steps: [`${a + b}*${c + d}`], value: (a + b) * (c + d) };
}

function productMinus(rng: Rng): Expression {
  const { text, steps, value } = productOfSums(rng);
  const minus = rng.integer(1, 30);
  return {
    text: `${text}-${minus}`,
    steps: [`${steps[0]}-${minus}`, `${value}-${minus}`],
    value: value - minus,
  };
}

function nested(rng: Rng): Expression {
  const { text, value } = sumTimes(rng);
  const [minus, times] = [rng.integer(1, 20), rng.integer(2, 5)];
  return {
    text: `(${text}-${minus})*${times}`,
    steps: [`(${value}-${minus})*${times}`, `${value - minus}*${times}`],
    value: (value - minus) * times,
  };
}
