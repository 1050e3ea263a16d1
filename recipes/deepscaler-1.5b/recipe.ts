import { adamw, defineRecipe, file, grpo, mathAnswer, publishedSuite, stage } from 'gradus';

/*
 * DeepScaleR-1.5B-Preview (Luo et al., February 2025) was trained by three scripts, one per context length, with a
 * checkpoint exported and named by hand between them. Here each script is a stage. "script" marks values from the
 * scripts, "blog" those from the blog post, "ours" choices that neither specifies.
 */

const context = { '8k': 8192, '16k': 16_384, '24k': 24_576 }; // script: max_response_length

export default defineRecipe({
  name: 'deepscaler-1.5b',
  description: 'The three scripts of DeepScaleR-1.5B-Preview as one recipe: 8k, 16k and 24k tokens.',
  policy: { model: 'models/DeepSeek-R1-Distill-Qwen-1.5B', engine: 'torch' }, // script
  problems: [
    file('data/deepscaler.jsonl', {
      instruction: String.raw`Let's think step by step and output the final answer within \boxed{}.`, // script
    }),
  ],
  verifiers: { math: mathAnswer({ extraction: 'boxed' }) }, // script: 1 or 0 by the last \boxed{}
  algorithm: grpo({
    kl: { estimator: 'k3', coefficient: 0.001 }, // script: low_var_kl
    entropy: 0.001, // verl's default at the time
    aggregation: 'token-mean', // verl's default
  }),
  optimizer: adamw({ learningRate: 1e-6, weightDecay: 0.01 }), // script; the decay is verl's default
  sampling: { temperature: 0.6, maxTokens: context['8k'] }, // script
  batch: { problems: 128, groupSize: 8, updates: 2 }, // script: mini-batches of 64 problems
  stages: [
    stage('8k', { maxSteps: 1040 }), // blog: last step of the first script
    stage('16k', { maxTokens: context['16k'], groupSize: 16, maxSteps: 480 }), // blog: until step 1520
    stage('24k', { maxTokens: context['24k'], groupSize: 16, maxSteps: 230 }), // blog: until step 1750
  ],
  evaluation: [
    publishedSuite('aime24', { every: 20 }), // script: test_freq, of the first script
    publishedSuite('math500'), // ours: before and after
  ],
});
