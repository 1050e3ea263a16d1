import {
  adamw,
  bandit,
  bandits,
  defineRecipe,
  drGrpo,
  imitate,
  outcomeReward,
  regret,
  stage,
  suite,
} from 'gradus';

/*
 * Nie et al., "EVOLvE: Evaluating and Optimizing LLMs For Exploration", arXiv 2410.06238. "paper" marks values from the
 * paper, "code" those of the published benchmark where the paper is silent, "ours" choices that both leave open or that
 * Gradus makes differently.
 */

const turns = 200; // paper: 200 to 1,000 by setting; ours: 200 in all, so that a history fits into Gemma's window of 8,192 tokens
const maxTokens = 4 * turns; // ours: a number and the end of the turn

/** The settings without context: 5 or 20 arms, an easy and a hard gap. ours: numbers as names; paper: two kinds of names. */
const settings = [5, 20].flatMap((arms) => [
  { name: `bernoulli-${arms}-easy`, rewards: 'bernoulli' as const, arms, gap: 0.5 }, // paper
  { name: `bernoulli-${arms}-hard`, rewards: 'bernoulli' as const, arms, gap: 0.2 }, // paper
  { name: `gaussian-${arms}-easy`, rewards: 'gaussian' as const, arms, deviation: 1 }, // paper
  { name: `gaussian-${arms}-hard`, rewards: 'gaussian' as const, arms, deviation: 3 }, // paper
]);
/** ours: linear rewards in three features; paper: films of MovieLens-1M, which may not be redistributed. */
const contextual = [10, 30].map((arms) => ({
  name: `contextual-${arms}`,
  rewards: 'contextual' as const,
  arms, // paper
  deviation: 0.1, // ours; paper: no noise
}));

export default defineRecipe({
  name: 'evolve',
  description: 'Oracle fine-tuning on UCB, then reinforcement, and exploration in ten settings.',
  policy: { model: 'models/gemma-2-2b-it', engine: 'torch' }, // paper; also gemma-2-9b-it
  problems: settings.map(({ name: _, ...one }) => bandits({ ...one, turns, count: 50, split: 'train' })), // paper: 50 episodes per setting
  environments: { bandit: bandit({ rendering: 'raw', digits: 2 }) }, // paper: raw history, 2 decimals; also 'summary', 'guided'
  verifiers: { bandit: regret() },
  rewards: { bandit: outcomeReward({ correct: 0, incorrect: 0, environment: 1 / turns }) }, // ours: mean reward of a turn
  algorithm: drGrpo({ advantages: 'return-to-go' }), // ours: the paper does not reinforce
  optimizer: adamw({ learningRate: 1e-6 }), // ours
  sampling: { maxTokens },
  batch: { problems: 16, groupSize: 8 }, // ours
  stages: [
    imitate('oracle fine-tuning', {
      examples: 'data/ucb.jsonl', // paper: trajectories of UCB with α 0.5; here the same bonus, see ucbIndices
      batchSize: 64, // ours: not published
      epochs: 1, // ours: not published
      optimizer: adamw({ learningRate: 1e-5 }), // ours: not published
    }),
    stage('reinforce', { maxSteps: 50 }), // ours
  ],
  evaluation: [...settings, ...contextual].map(({ name, ...one }) => ({
    ...suite({ name, maxTokens, rollouts: 1, greedy: false }), // ours: sampled at temperature 1; greedy play locks in
    problems: [bandits({ ...one, turns, count: 30, split: 'held-out' })], // paper: 30 trials
  })),
});
