import {
  adamw,
  auto,
  dapo,
  defineRecipe,
  passRate,
  reasoningGym,
  reasoningGymAnswer,
  stage,
  suite,
} from 'gradus';

/** Datasets whose questions the tiny model can read when they are written in its own form. */
const datasets = [
  { task: 'chain_sum', knobs: [1, 2], settings: {} },
  { task: 'products', knobs: [1, 2], settings: {} },
  {
    task: 'basic_arithmetic',
    knobs: [1, 2],
    settings: { operators: ['+', '-', '*'], whitespace: 'no_space' },
  },
];
const problems = (split: 'train' | 'held-out', count: number) =>
  datasets.map((dataset) => reasoningGym({ ...dataset, split, count, question: '{expression:compact}=?' }));

export default defineRecipe({
  name: 'reasoning-gym',
  description: 'A tiny model practises three datasets of reasoning-gym, judged by their own scorers.',
  policy: { model: '../../models/gradus-tiny' },
  problems: problems('train', 60),
  difficulty: passRate({ rollouts: 4, maxTokens: 32 }),
  verifiers: { 'reasoning-gym': reasoningGymAnswer({ extraction: 'boxed' }) },
  algorithm: dapo({ clipHigh: 0.2 }),
  optimizer: adamw({ learningRate: 2e-4, beta2: 0.98 }),
  sampling: { maxTokens: 32 },
  batch: { problems: 16, groupSize: 8 },
  stages: [stage('practise', { sampler: auto(), maxSteps: 6 })],
  evaluation: [
    { ...suite({ name: 'held-out', maxTokens: 32, rollouts: 2 }), problems: problems('held-out', 12) },
  ],
});
