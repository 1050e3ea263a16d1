import {
  adamw,
  auto,
  defineRecipe,
  environmentScore,
  grpo,
  openEnv,
  passRate,
  scoreReward,
  stage,
  suite,
} from 'gradus';

const url = 'http://127.0.0.1:8000';
const sums = (kind: string, from: number, count: number) =>
  openEnv({
    url,
    action: 'value',
    actionType: 'integer',
    observation: 'text',
    reset: { kind },
    from,
    count,
    domain: `sums ${kind}`,
    maxTurns: 3,
  });
const kinds = ['+', '-', '*'];
const byDomain = <Value>(value: (kind: string) => Value): Record<string, Value> =>
  Object.fromEntries(kinds.map((kind) => [`sums ${kind}`, value(kind)]));

export default defineRecipe({
  name: 'openenv',
  description: 'A tiny model plays three environments of an OpenEnv server, over several turns.',
  policy: { model: '../../models/gradus-tiny' },
  problems: kinds.map((kind) => sums(kind, 0, 24)),
  environments: byDomain((kind) => sums(kind, 0, 24)),
  verifiers: byDomain(() => environmentScore()),
  rewards: byDomain(() => scoreReward()),
  difficulty: passRate({ rollouts: 4, maxTokens: 96 }),
  algorithm: grpo({ clipHigh: 0.28 }),
  optimizer: adamw({ learningRate: 2e-4, beta2: 0.98 }),
  sampling: { maxTokens: 96 },
  batch: { problems: 12, groupSize: 8 },
  stages: [stage('play', { sampler: auto(), maxSteps: 6 })],
  evaluation: [
    {
      ...suite({ name: 'held-out', maxTokens: 96, rollouts: 2 }),
      problems: kinds.map((kind) => sums(kind, 1000, 8)),
    },
  ],
});
