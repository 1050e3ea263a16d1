import { adamw, checkpoints, dapo, defineRecipe, generated, mathAnswer, stage } from 'gradus';

/** A recipe with short, similar steps, for timing; the bench stops it after enough steps. */
export default defineRecipe({
  name: 'watched',
  policy: { model: '../../models/gradus-tiny' },
  problems: [
    generated({ families: ['addition', 'subtraction'], knobs: [1, 2], split: 'train', perCell: 50 }),
  ],
  verifiers: { math: mathAnswer({ extraction: 'boxed' }) },
  algorithm: dapo(),
  optimizer: adamw({ learningRate: 1e-6 }),
  sampling: { maxTokens: 24 },
  batch: { problems: 16, groupSize: 8 },
  stages: [stage('watched', { maxSteps: 100_000 })],
  checkpoints: checkpoints({ everySteps: 100_000 }),
});
