import { mathFamily } from '../family.ts';
import { integerIn } from '../notation.ts';

/** `101 base 3=?` converts to decimal, `13 to base 3=?` from decimal. Scratch work: the place values, `9+0+1`. */
export const numberBases = mathFamily({
  name: 'number-bases',
  knobs: [
    { largest: 35, bases: [2, 6], out: false },
    { largest: 80, bases: [3, 9], out: false },
    { largest: 40, bases: [3, 6], out: true },
    { largest: 200, bases: [4, 9], out: false },
    { largest: 100, bases: [4, 9], out: true },
    { largest: 500, bases: [5, 9], out: true },
  ],
  generate(rng, { largest, bases, out }) {
    const [value, base] = [rng.integer(6, largest), integerIn(rng, bases)];
    const written = value.toString(base);
    const work = placeValues(written, base);
    return out
      ? { question: `${value} to base ${base}=?`, work, answer: written }
      : { question: `${written} base ${base}=?`, work, answer: value };
  },
});

function placeValues(written: string, base: number): string {
  return [...written].map((digit, i) => Number(digit) * base ** (written.length - 1 - i)).join('+');
}
