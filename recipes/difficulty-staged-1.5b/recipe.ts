import {
  adamw,
  code,
  defineRecipe,
  grpo,
  jsonl,
  mathAnswer,
  paperLevels,
  passRate,
  plateau,
  scoreReward,
  stage,
  suite,
} from 'gradus';

/*
 * Ji et al., "How Difficulty-Aware Staged Reinforcement Learning Enhances LLMs' Reasoning Capabilities", arXiv 2504.00829.
 * "paper" marks values from the paper; "ours" marks choices that it leaves open.
 */

const tokens16k = 16_384; // paper
const tokens24k = 24_576; // paper

export default defineRecipe({
  name: 'difficulty-staged-1.5b',
  description:
    'The paper’s staged run: DeepSeek-R1-Distill-Qwen-1.5B, level L2 at 16k tokens, then L3 at 24k.',
  policy: { model: 'models/DeepSeek-R1-Distill-Qwen-1.5B', engine: 'torch' }, // model: paper
  problems: [jsonl('data/math-train.jsonl'), jsonl('data/code-train.jsonl')], // ours: the paper's sets are not published
  verifiers: { math: mathAnswer({ extraction: 'boxed' }), code: code({ score: 'fraction' }) }, // paper: the last \boxed{} must be equivalent; share of passed tests
  rewards: { code: scoreReward({ credit: 'fraction' }) }, // paper
  difficulty: passRate({
    model: 'policy',
    rollouts: 8, // ours: "several times"; a sibling paper sampled 4
    temperature: 0.6, // ours: DeepSeek's recommendation for these models
    topP: 0.95, // ours
    maxTokens: tokens16k, // ours
  }),
  // paper: levels depend on the pass rates of the 7B and 32B models and R1; `gradus difficulty estimate` writes these
  // stores
  knownPassRates: [
    { label: 'medium', store: 'difficulty/r1-distill-qwen-7b.sqlite' },
    { label: 'large', store: 'difficulty/r1-distill-qwen-32b.sqlite' },
    { label: 'judge', store: 'difficulty/deepseek-r1.sqlite' },
  ],
  levels: paperLevels({
    small: 'policy', // paper: the 1.5B before training
    solvedFrom: 0.5, // ours: lowest pass rate at which a model "solves" a problem
    mathShare: 0.5, // paper
    codeShare: 0.1, // paper
    seed: 0, // ours
  }),
  algorithm: grpo({
    kl: { estimator: 'k3', coefficient: 0.001 }, // paper: 0.001; the estimator is ours (DeepSeek's)
    entropy: 0.001, // paper
    clipLow: 0.2, // ours
    clipHigh: 0.2, // ours
  }),
  optimizer: adamw({ learningRate: 1e-6 }), // paper
  sampling: {
    temperature: 1, // ours: the rollout temperature is not stated
    maxTokens: tokens16k, // paper
  },
  batch: {
    problems: 128, // paper: "batch size 128"; ours: it counts problems
    groupSize: 16, // paper
  },
  stages: [
    stage('L2', {
      select: 'L2', // paper
      maxSteps: 1600, // paper: end of its first stage
      advanceWhen: plateau({ window: 200 }), // ours: "until the curve is flat"
    }),
    stage('L3', {
      select: 'L3', // paper
      maxTokens: tokens24k, // paper
      algorithm: { truncated: 'mask', entropy: null }, // paper
      maxSteps: 800, // ours: read from a figure
    }),
  ],
  // paper: 32k tokens, temperature 0.6, top-p 0.95, avg@16
  evaluation: [
    {
      ...suite({
        name: 'aime24',
        rollouts: 16,
        temperature: 0.6,
        topP: 0.95,
        maxTokens: 32_768,
        greedy: false,
        every: 40, // ours
      }),
      problems: [jsonl('data/aime24.jsonl')],
    },
    {
      ...suite({
        name: 'math500',
        rollouts: 16,
        temperature: 0.6,
        topP: 0.95,
        maxTokens: 32_768,
        greedy: false,
      }),
      problems: [jsonl('data/math500.jsonl')],
    },
    {
      ...suite({
        name: 'livecodebench',
        rollouts: 4, // paper: avg@4
        temperature: 0.6,
        topP: 0.95,
        maxTokens: 32_768,
        greedy: false,
      }),
      problems: [jsonl('data/livecodebench.jsonl')],
    },
  ],
});
