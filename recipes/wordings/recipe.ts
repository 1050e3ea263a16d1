import { adamw, dapo, defineRecipe, generated, imitate, mathAnswer, solutions, stage, suite } from 'gradus';

const families: NonNullable<Parameters<typeof generated>[0]['families']> = [
  'addition',
  'subtraction',
  'multiplication',
  'linear-equation',
];
const knobs = [1, 2, 3, 4];
const heldOut = { families, knobs, split: 'held-out', perCell: 5, seed: 2 } as const;

/** The demo's model learns to read other wordings, and then to solve problems in all wordings. */
export default defineRecipe({
  name: 'wordings',
  description:
    'A model that knows one wording of its problems learns to solve them in others, also unseen ones.',
  policy: { model: '../../models/gradus-tiny' },
  problems: [generated({ families, knobs, split: 'train', count: 4000, wordings: 'train' })],
  verifiers: { math: mathAnswer({ extraction: 'boxed' }) },
  algorithm: dapo({ clipHigh: 0.2 }),
  optimizer: adamw({ learningRate: 4e-4, beta2: 0.98, warmupSteps: 5 }),
  sampling: { maxTokens: 32 },
  batch: { problems: 32, groupSize: 8 },
  stages: [
    imitate('read', {
      examples: solutions(),
      batchSize: 16,
      maxSteps: 120,
      optimizer: adamw({ learningRate: 2e-3, beta2: 0.98, warmupSteps: 10, schedule: 'cosine' }),
    }),
    stage('solve in every wording', { wordings: 4, maxSteps: 40 }),
  ],
  evaluation: [
    {
      ...suite({ name: 'seen wordings', maxTokens: 32, wordings: true }),
      problems: [generated({ ...heldOut, wordings: 'train' })],
    },
    {
      ...suite({ name: 'unseen wordings', maxTokens: 32, wordings: true }),
      problems: [generated({ ...heldOut, wordings: 'held-out' })],
    },
  ],
});
