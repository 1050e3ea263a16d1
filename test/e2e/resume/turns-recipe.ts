import {
  adamw,
  checkpoints,
  customEnvironment,
  defineRecipe,
  generated,
  grpo,
  mathAnswer,
  outcomeReward,
  passRate,
  stage,
  suite,
} from 'gradus';

const cells = { families: ['addition' as const, 'brackets' as const], knobs: [1] };

/**
 * Runs a few seconds of attempts in several turns: measured, trained and evaluated with a tool, and evaluated
 * closed-book.
 */
export default defineRecipe({
  name: 'turns',
  policy: { model: '../../../models/gradus-tiny' },
  problems: [generated({ ...cells, split: 'train', perCell: 6 })],
  verifiers: { math: mathAnswer({ extraction: 'boxed' }) },
  environments: { math: customEnvironment({ module: 'slow-oracle.ts' }) },
  rewards: { math: outcomeReward() },
  difficulty: passRate({ rollouts: 2, maxTokens: 32 }),
  levels: [],
  algorithm: grpo({ kl: { estimator: 'k3', coefficient: 0.01 } }),
  optimizer: adamw({ learningRate: 3e-4 }),
  sampling: { maxTokens: 32 },
  batch: { problems: 4, groupSize: 4 },
  stages: [stage('only', { maxSteps: 4 })],
  evaluation: [
    {
      ...suite({ name: 'with-tool', maxTokens: 32, rollouts: 1 }),
      problems: [generated({ ...cells, split: 'held-out', perCell: 2 })],
    },
    {
      ...suite({ name: 'closed-book', maxTokens: 32, rollouts: 1, closedBook: true }),
      problems: [generated({ ...cells, split: 'held-out', perCell: 2 })],
    },
  ],
  checkpoints: checkpoints({ everySteps: 2 }),
});
