import type { Rng } from '../../../core/rng.ts';
import { codeFamily } from '../family.ts';

/** `x: multiply by 2, add 3`: the function in words, one to four steps one after the other. */
export const describedSteps = codeFamily({
  name: 'described-steps',
  knobs: [
    { steps: 1, largest: 60 },
    { steps: 2, largest: 9 },
    { steps: 2, largest: 40 },
    { steps: 3, largest: 9 },
    { steps: 3, largest: 40 },
    { steps: 4, largest: 20 },
  ],
  generate(rng, { steps, largest }) {
    const drawn = Array.from({ length: steps }, () => step(rng, largest));
    const start: Body = { text: 'x', isSum: false };
    return {
      question: `x: ${drawn.map(({ words }) => words).join(', ')}`,
      work: '',
      body: drawn.reduce((inner, { extend }) => extend(inner), start).text,
      compute: (x) => drawn.reduce((value, { compute }) => compute(value), x),
      parameters: 1,
    };
  },
});

interface Body {
  readonly text: string;
  /** A sum needs brackets before it is multiplied or subtracted. */
  readonly isSum: boolean;
}

interface Step {
  readonly words: string;
  readonly extend: (inner: Body) => Body;
  readonly compute: (value: number) => number;
}

const bracketed = ({ text, isSum }: Body): string => (isSum ? `(${text})` : text);

function step(rng: Rng, largest: number): Step {
  const c = rng.integer(1, largest);
  return rng.pick<Step>([
    {
      words: `add ${c}`,
      extend: (inner) => ({ text: `${inner.text}+${c}`, isSum: true }),
      compute: (value) => value + c,
    },
    {
      words: `subtract ${c}`,
      extend: (inner) => ({ text: `${inner.text}-${c}`, isSum: true }),
      compute: (value) => value - c,
    },
    {
      words: `multiply by ${c}`,
      extend: (inner) => ({ text: `${bracketed(inner)}*${c}`, isSum: false }),
      compute: (value) => value * c,
    },
    {
      words: `subtract from ${c}`,
      extend: (inner) => ({ text: `${c}-${bracketed(inner)}`, isSum: true }),
      compute: (value) => c - value,
    },
  ]);
}
