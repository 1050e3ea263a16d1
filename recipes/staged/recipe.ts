import { allOf, defineRecipe, inLevel, not, passRate, simpleLevels, stage, zeroAdvantage } from 'gradus';
import demo from '../demo/recipe.ts';

/** The demo's model and problems: measure how hard each problem is, then train in two stages of rising difficulty. */
export default defineRecipe({
  ...demo,
  name: 'staged',
  description: 'Measures difficulty, then trains in two stages of rising difficulty.',
  difficulty: passRate({ rollouts: 4, maxTokens: 32 }),
  levels: simpleLevels(),
  batch: { problems: 32, groupSize: 8 },
  stages: [
    // Problems the base model solves sometimes, so that groups carry a signal.
    stage('learnable', {
      select: 'learnable',
      mix: { math: 1, code: 1 },
      gates: [zeroAdvantage()],
      maxRefills: 1,
      maxSteps: 60,
    }),
    // Re-measured with the trained policy: problems solved sometimes, at most three times in four.
    stage('harder', {
      select: allOf(inLevel('learnable'), not(inLevel('easy'))),
      remeasure: { problems: 'all', rollouts: 4 },
      mix: { math: 1, code: 1 },
      gates: [zeroAdvantage()],
      maxRefills: 1,
      optimizer: { learningRate: 1e-4 },
      maxSteps: 40,
    }),
  ],
});
