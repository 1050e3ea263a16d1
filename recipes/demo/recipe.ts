import {
  adamw,
  boxedMath,
  dapo,
  defineRecipe,
  generated,
  javascriptTests,
  passRate,
  simpleLevels,
  stage,
  suite,
  zeroAdvantage,
} from 'gradus';

const families = [
  'addition',
  'subtraction',
  'multiplication',
  'brackets',
  'linear-equation',
  'remainder',
  'sequences',
  'word-problems',
  'linear-function',
  'max-min',
  'two-arguments',
  'quadratic',
  'conditional',
  'described-steps',
] as const;

export default defineRecipe({
  name: 'demo',
  description: 'A small base model becomes better at math and code, on two processor cores in minutes.',
  policy: { model: '../../models/gradus-tiny' },
  problems: [generated({ split: 'train', families: [...families], perCell: 80 })],
  verifiers: { math: boxedMath(), code: javascriptTests() },
  difficulty: passRate({ rollouts: 4, maxTokens: 32 }),
  levels: simpleLevels(),
  algorithm: dapo({ clipHigh: 0.2 }),
  optimizer: adamw({ learningRate: 2e-4, beta2: 0.98 }),
  sampling: { maxTokens: 32 },
  batch: { problems: 32, groupSize: 8 },
  stages: [
    stage('learnable', {
      select: ['easy', 'medium'],
      mix: { math: 1, code: 1 },
      gates: [zeroAdvantage()],
      maxSteps: 90,
    }),
    stage('harder', {
      select: ['medium', 'hard'],
      mix: { math: 1, code: 1 },
      gates: [zeroAdvantage()],
      maxSteps: 90,
      remeasure: { rollouts: 4 },
    }),
  ],
  evaluation: [
    {
      ...suite({ name: 'held-out', maxTokens: 32, rollouts: 4 }),
      problems: [generated({ split: 'held-out', families: [...families], perCell: 8 })],
    },
  ],
});
