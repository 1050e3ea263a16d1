import { codeFamily } from '../family.ts';
import { integerIn } from '../notation.ts';
import { describeSteps, stepKinds } from './steps.ts';

const { add, subtract, multiply, subtractFrom } = stepKinds;

/** Operation j of every chain is skill j, with a constant from its range. */
const skills = [
  { operation: multiply, constants: [2, 149] },
  { operation: subtractFrom, constants: [10, 99] },
  { operation: add, constants: [10, 99] },
  { operation: multiply, constants: [10, 99] },
  { operation: subtract, constants: [10, 99] },
  { operation: subtractFrom, constants: [10, 99] },
] as const;

/**
 * `x: multiply by 77, subtract from 56, add 23`: operations in a fixed order, most of them with a two-digit constant;
 * the knob is the number of operations. A chain of k operations needs the skills of a chain of k − 1 operations and one
 * more. Its pass rate is therefore about the product of its skills' success rates: near 0 until shorter chains are
 * learned.
 */
export const chain = codeFamily({
  name: 'chain',
  knobs: skills.map((_, i) => i + 1),
  generate: (rng, operations) =>
    describeSteps(
      skills.slice(0, operations).map(({ operation, constants }) => operation(integerIn(rng, constants))),
    ),
});
