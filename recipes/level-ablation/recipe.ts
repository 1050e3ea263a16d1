import { defineRecipe, stage } from 'gradus';
import demo from '../demo/recipe.ts';

const steps = demo.stages.reduce((sum, { maxSteps }) => sum + maxSteps, 0);

/** Trains one level for the whole budget of the demo; select it with `--set stages[0].select=hard`. */
export default defineRecipe({
  ...demo,
  name: 'level-ablation',
  description: 'A single level for the whole budget: the value of each level alone.',
  stages: [stage('one-level', { select: 'medium', mix: { math: 1, code: 1 }, maxSteps: steps })],
});
