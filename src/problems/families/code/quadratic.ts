import { codeFamily } from '../family.ts';
import { distinctIntegers, integerIn, term, valueTable } from '../notation.ts';

/** Three values of `x*x+k*x+c`: find the function. Scratch work: each value split into square and rest. */
export const quadratic = codeFamily({
  name: 'quadratic',
  knobs: [
    { linear: 0, constants: [0, 9], largest: 5 },
    { linear: 0, constants: [0, 30], largest: 9 },
    { linear: 0, constants: [-30, 30], largest: 9 },
    { linear: 2, constants: [0, 9], largest: 5 },
    { linear: 4, constants: [0, 20], largest: 9 },
    { linear: 9, constants: [-30, 30], largest: 9 },
  ],
  generate(rng, { linear, constants, largest }) {
    const [k, c] = [rng.integer(Math.min(1, linear), linear), integerIn(rng, constants)];
    const inputs = distinctIntegers(rng, 3, largest);
    const compute = (x: number): number => x * x + k * x + c;
    return {
      question: valueTable(inputs.map((x) => ({ arguments: [x], value: compute(x) }))),
      work: inputs
        .slice(0, 2)
        .map((x) => `${x * x}${term(compute(x) - x * x)}`)
        .join(','),
      body: `x*x${k === 0 ? '' : `+${k}*x`}${term(c)}`,
      compute,
      parameters: 1,
    };
  },
});
