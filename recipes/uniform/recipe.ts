import { defineRecipe, stage } from 'gradus';
import demo from '../demo/recipe.ts';

const steps = demo.stages.reduce((sum, { maxSteps }) => sum + maxSteps, 0);

/** The demo's model, problems and number of steps without any curriculum: every problem, all the time, nothing dropped. */
export default defineRecipe({
  ...demo,
  name: 'uniform',
  description:
    'No curriculum at all, for as many steps as the demo: the baseline every claim is held against.',
  difficulty: undefined,
  stages: [stage('everything', { mix: { math: 1, code: 1 }, maxSteps: steps })],
});
