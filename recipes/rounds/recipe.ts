import { adamw, defineRecipe, harvest, imitate, rounds, stage } from 'gradus';
import demo from '../demo/recipe.ts';

/** The demo's model and problems in rounds: imitate a harvest of correct attempts, then reinforce. */
export default defineRecipe({
  ...demo,
  name: 'rounds',
  description: 'Three rounds of imitating the policy’s own correct attempts and reinforcement learning.',
  stages: rounds(3, (n) => [
    imitate(`write-up ${n}`, {
      examples: harvest({ problems: 512, rollouts: 4, choose: 'random' }),
      epochs: 2,
      optimizer: adamw({ learningRate: 3e-4, beta2: 0.98 }),
      heldOut: 0.1,
    }),
    stage(`explore ${n}`, { mix: { math: 1, code: 1 }, maxSteps: 7 }),
  ]),
});
