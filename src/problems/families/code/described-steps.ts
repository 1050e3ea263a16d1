import type { Rng } from '../../../core/rng.ts';
import { codeFamily } from '../family.ts';
import { describeSteps, type Step, stepKinds } from './steps.ts';

/** `x: multiply by 2, add 3`: write the function that the words describe, in one to four consecutive steps. */
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
  generate: (rng, { steps, largest }) =>
    describeSteps(Array.from({ length: steps }, () => drawStep(rng, largest))),
});

function drawStep(rng: Rng, largest: number): Step {
  const { add, subtract, multiply, subtractFrom } = stepKinds;
  const c = rng.integer(1, largest);
  return rng.pick([add, subtract, multiply, subtractFrom])(c);
}
