import { adamw, defineRecipe, file, grpo, mathAnswer, publishedSuite, stage } from 'gradus';

/*
 * JustRL (He et al., arXiv 2512.16649): one stage with fixed settings, no selection and no schedule. "script" marks the
 * values of its published training script, "paper" those of the paper, "ours" choices that neither specifies.
 */

export default defineRecipe({
  name: 'justrl-1.5b',
  description: 'JustRL: one stage, fixed settings, no curriculum. The baseline that a curriculum must beat.',
  policy: { model: 'models/DeepSeek-R1-Distill-Qwen-1.5B', engine: 'torch' }, // script
  problems: [
    file('data/dapo-math-17k.jsonl', {
      instruction: String.raw`Please reason step by step, and put your final answer within \boxed{}.`, // paper
    }),
  ],
  verifiers: { math: mathAnswer({ extraction: 'boxed' }) }, // ours: the script compares texts, this verifier compares values
  algorithm: grpo({
    clipLow: 0.2, // script
    clipHigh: 0.28, // script
    dualClip: 10, // script: clip_ratio_c
    aggregation: 'token-mean', // verl's default
  }),
  optimizer: adamw({ learningRate: 1e-6, warmupSteps: 10, weightDecay: 0.1 }), // script
  sampling: { temperature: 1, maxTokens: 15_360 }, // script
  batch: { problems: 256, groupSize: 8, updates: 4 }, // script: mini-batches of 64 problems
  stages: [stage('all', { maxSteps: 4380 })], // paper
  // script: 32 samples at temperature 0.7 and top-p 0.9, 31,744 tokens, every 50 steps
  evaluation: (['aime24', 'aime25'] as const).map((name) =>
    publishedSuite(name, { rollouts: 32, temperature: 0.7, topP: 0.9, maxTokens: 31_744, every: 50 }),
  ),
});
