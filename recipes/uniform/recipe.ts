import { defineRecipe, stage } from 'gradus';
import demo from '../demo/recipe.ts';

const steps = demo.stages.reduce((sum, { maxSteps }) => sum + maxSteps, 0);

/** The demo's model, problems and number of steps without a curriculum: all problems, no selection, no gates. */
export default defineRecipe({
  ...demo,
  name: 'uniform',
  description: 'No curriculum, for as many steps as the demo: the baseline of every claim.',
  difficulty: undefined,
  stages: [stage('everything', { mix: { math: 1, code: 1 }, maxSteps: steps })],
});
