import {
  adamw,
  auto,
  defineRecipe,
  environmentScore,
  grpo,
  passRate,
  scoreReward,
  stage,
  suite,
  verifiersEnv,
} from 'gradus';

/** Returns two tasksets with one turn, and one with several turns in a separate environment. */
const environments = (from: number, count: number) => ({
  sums: verifiersEnv({ id: 'tiny-sums', from, count, domain: 'sums', maxTurns: 1 }),
  products: verifiersEnv({
    id: 'tiny-sums',
    taskset: { kind: '*' },
    from,
    count,
    domain: 'products',
    maxTurns: 1,
  }),
  rounds: verifiersEnv({ id: 'tiny-rounds', from, count, domain: 'rounds', maxTurns: 2 }),
});
const scored = { sums: environmentScore(), products: environmentScore(), rounds: environmentScore() };

export default defineRecipe({
  name: 'verifiers',
  description: 'A tiny model practises three environments of the verifiers package.',
  policy: { model: '../../models/gradus-tiny' },
  problems: Object.values(environments(0, 16)),
  environments: environments(0, 16),
  verifiers: scored,
  rewards: { sums: scoreReward(), products: scoreReward(), rounds: scoreReward() },
  difficulty: passRate({ rollouts: 4, maxTokens: 64 }),
  algorithm: grpo({ clipHigh: 0.28 }),
  optimizer: adamw({ learningRate: 2e-4, beta2: 0.98 }),
  sampling: { maxTokens: 64 },
  batch: { problems: 12, groupSize: 4 },
  stages: [stage('practise', { sampler: auto(), maxSteps: 4 })],
  evaluation: [
    {
      ...suite({ name: 'held-out', maxTokens: 64, rollouts: 2 }),
      problems: Object.values(environments(1000, 6)),
    },
  ],
});
