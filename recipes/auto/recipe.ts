import { auto, defineRecipe, stage } from 'gradus';
import demo from '../demo/recipe.ts';

const steps = demo.stages.reduce((sum, { maxSteps }) => sum + maxSteps, 0);

/** The demo's model, problems and number of steps with one stage whose sampler needs no measurement. */
export default defineRecipe({
  ...demo,
  name: 'auto',
  description: 'One stage over all problems: the sampler finds the problems with a signal while it trains.',
  difficulty: undefined,
  stages: [stage('everything', { sampler: auto(), mix: { math: 1, code: 1 }, maxSteps: steps })],
});
