import { defineRecipe, stage } from 'gradus';
import staged from '../staged/recipe.ts';

const steps = staged.stages.reduce((sum, { maxSteps = 0 }) => sum + maxSteps, 0);

/** The staged recipe's model, problems and number of steps without a curriculum: all problems, no selection, no gates. */
export default defineRecipe({
  ...staged,
  name: 'uniform',
  description: 'No curriculum, for as many steps as the staged recipe: the baseline for every claim.',
  difficulty: undefined,
  stages: [stage('everything', { mix: { math: 1, code: 1 }, maxSteps: steps })],
});
