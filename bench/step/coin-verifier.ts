import type { CustomJudge } from '../../src/verifiers/custom/custom-module.ts';

/**
 * Creates a custom verifier that accepts a completion if the sum of its code points is even. Hardly any group is then
 * all correct or all incorrect, so a model that solves nothing learns from its rollouts too.
 */
export default function coin(): CustomJudge {
  return {
    name: 'coin',
    verify: (_problem, completion) => ({
      outcome: sumOfCodePoints(completion) % 2 === 0 ? 'correct' : 'incorrect',
      reason: 'sum of code points',
    }),
  };
}

const sumOfCodePoints = (text: string): number =>
  [...text].reduce((sum, character) => sum + character.codePointAt(0)!, 0);
