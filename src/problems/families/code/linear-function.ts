import { codeFamily } from '../family.ts';
import { distinctIntegers, integerIn, term, valueTable } from '../notation.ts';

/** Three values of `k*x+b`: find the function. Scratch work: the slope from two values, then the offset. */
export const linearFunction = codeFamily({
  name: 'linear-function',
  knobs: [
    { slopes: [1, 3], offsets: [0, 6], consecutive: true },
    { slopes: [1, 6], offsets: [0, 12], consecutive: true },
    { slopes: [1, 5], offsets: [0, 9], consecutive: false },
    { slopes: [1, 9], offsets: [-12, 12], consecutive: true },
    { slopes: [1, 9], offsets: [-12, 20], consecutive: false },
    { slopes: [-12, 12], offsets: [-40, 40], consecutive: false },
  ],
  generate(rng, { slopes, offsets, consecutive }) {
    const [slope, offset] = [integerIn(rng, slopes) || 1, integerIn(rng, offsets)];
    const start = rng.integer(0, 7);
    const inputs = consecutive ? [start, start + 1, start + 2] : distinctIntegers(rng, 3, 9);
    const [x0, x1] = [inputs[0]!, inputs[1]!];
    const compute = (x: number): number => slope * x + offset;
    const rise = compute(x1) - compute(x0);
    return {
      question: valueTable(inputs.map((x) => ({ arguments: [x], value: compute(x) }))),
      work: `${consecutive ? '' : `${rise}/${x1 - x0}=`}${slope},${compute(x0)}-${slope * x0}`,
      body: `${slope}*x${term(offset)}`,
      compute,
      parameters: 1,
    };
  },
});
