import { defineRecipe, stage } from 'gradus';
import staged from '../staged/recipe.ts';

const steps = staged.stages.reduce((sum, { maxSteps = 0 }) => sum + maxSteps, 0);

/** Trains one level for the steps of the staged recipe; select it with `--set stages[0].select=hard`. */
export default defineRecipe({
  ...staged,
  name: 'level-ablation',
  description: 'A single level for the whole budget: the value of each level alone.',
  stages: [stage('one-level', { select: 'medium', mix: { math: 1, code: 1 }, maxSteps: steps })],
});
