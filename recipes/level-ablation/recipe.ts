import { defineRecipe, stage } from 'gradus';
import demo from '../demo/recipe.ts';

const steps = demo.stages.reduce((sum, { maxSteps }) => sum + maxSteps, 0);

/** One level of difficulty for the whole budget of the demo; choose which with `--set stages[0].select=hard`. */
export default defineRecipe({
  ...demo,
  name: 'level-ablation',
  description: 'A single level for the whole budget: what each level by itself is worth.',
  stages: [stage('one-level', { select: 'medium', mix: { math: 1, code: 1 }, maxSteps: steps })],
});
