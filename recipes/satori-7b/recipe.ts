import {
  adamw,
  band,
  defineRecipe,
  drGrpo,
  file,
  harvest,
  imitate,
  level,
  mathAnswer,
  passRate,
  restart,
  stage,
  suite,
} from 'gradus';

/*
 * Shen et al., "Satori: Reinforcement Learning with Chain-of-Action-Thought Enhances LLM Reasoning via Autoregressive
 * Search", arXiv 2502.02508. "paper" marks values from the paper, "code" those of the published scripts where the paper is
 * silent, "ours" choices that both leave open or that Gradus makes differently.
 */

const maxTokens = 2048; // paper; code: 3,072 for the answer
const separator = '\n\n'; // ours: a step ends at a blank line

const evaluated = (name: string) => ({
  ...suite({ name, maxTokens: 4096, rollouts: 1, greedy: true }), // paper: greedy; ours: the limit
  problems: [file(`data/${name}.jsonl`)],
});

export default defineRecipe({
  name: 'satori-7b',
  description:
    'Format tuning, reinforcement with restarts from own attempts, and a second round from the base model.',
  policy: { model: 'models/Qwen2.5-Math-7B-actions', engine: 'torch' }, // paper: Qwen2.5-Math-7B with three more tokens
  problems: [file('data/openmath-numina.jsonl')], // paper: 300,000 questions of OpenMathInstruct-2 and NuminaMath-CoT
  verifiers: { math: mathAnswer({ extraction: 'boxed' }) }, // ours: code reads the last 128 characters; no reward model
  difficulty: passRate({ rollouts: 8, maxTokens, temperature: 0.6 }), // paper: 8 attempts per question
  levels: [
    level('learnable', band({ min: 1 / 8, max: 7 / 8 })), // paper: mixed outcomes among the 8 attempts
    level('hardest', band({ min: 1 / 8, max: 1 / 2 })), // ours: the bound; paper: the hardest 180,000 of 240,000
  ],
  algorithm: drGrpo({
    aggregation: 'token-mean', // ours
    clipLow: 0.2, // code
    clipHigh: 0.2, // code
    kl: null, // paper
  }), // ours: groups without a critic; paper: PPO, critic 5e-6. Not GRPO: its deviation removes the bonus
  optimizer: adamw({ learningRate: 2e-7 }), // paper: 2e-7, cosine; ours: constant
  sampling: {
    temperature: 0.6, // paper
    maxTokens,
  },
  batch: {
    problems: 128, // ours: 1,024 attempts per step as in the paper, in groups instead of one attempt per prompt
    groupSize: 8, // ours
    updates: 8, // paper: batches of 128 attempts
  },
  stages: [
    imitate('format tuning', {
      examples: 'data/demonstrations.jsonl', // paper: 10,000 by three models; ours: gradus data demonstrations
      batchSize: 128, // paper
      epochs: 2, // paper: at most 2
      optimizer: adamw({ learningRate: 2e-5, schedule: 'cosine' }), // paper
    }),
    stage('restart and explore', {
      select: 'learnable', // paper
      starts: restart({
        share: 2 / 3, // paper: prompts, right and wrong attempts, a third each
        from: 'both', // paper
        backtrack: 2, // paper
        separator,
        mark: '<|reflect|>', // paper
        bonus: 0.5, // paper: β
      }), // ours: the newest attempts of the policy; paper: a buffer made once, before training
      maxSteps: 880, // ours: 300,000 questions with three starts each, 1,024 attempts per step
    }),
    imitate('round 2: from the base', {
      examples: harvest({ select: 'hardest', rollouts: 1, problems: 180_000 }), // paper: 180,000; ours: correct ones alone
      start: 'base', // paper
      batchSize: 128, // ours: as in format tuning
      epochs: 2, // ours: as in format tuning
      optimizer: adamw({ learningRate: 2e-5, schedule: 'cosine' }), // ours: as in format tuning
    }),
    stage('round 2: without restarts', {
      select: 'learnable', // paper
      temperature: 1.2, // paper
      maxSteps: 290, // ours: 300,000 questions, 1,024 attempts per step; paper: 8 attempts per question
    }),
  ],
  evaluation: ['gsm8k', 'math500', 'olympiadbench', 'amc23', 'aime24'].map(evaluated), // paper
});
