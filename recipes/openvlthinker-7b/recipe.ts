import { adamw, defineRecipe, file, grpo, harvest, imitate, mathAnswer, rounds, stage, suite } from 'gradus';

/*
 * Deng et al., "OpenVLThinker", arXiv 2503.17352, first version: three rounds of SFT and GRPO. This is its text part: the
 * problems carry captions in place of images, and the policy is the language model alone. "paper" marks values from the
 * paper, "code" those of its published scripts where the paper is silent or differs, "ours" choices of this recipe.
 */

const maxTokens = 2048; // code
const cleaned = {
  maxWords: 500, // paper: first cleaning, +6.6 points on MathVista
  without: ['Wait', 'But wait', 'But the question'], // paper: cuts there; ours: leaves these attempts out
};
const problems = ['geometry3k', 'geos', 'figureqa', 'tabmwp', 'ai2d', 'vizwiz']; // paper: sources of round 1

export default defineRecipe({
  name: 'openvlthinker-7b',
  description: 'The text part of OpenVLThinker: three rounds of imitation from the base weights and GRPO.',
  policy: { model: 'models/Qwen2.5-7B-Instruct', engine: 'torch' }, // paper: Qwen2.5-VL-7B-Instruct; ours: without its vision tower
  teacher: { model: 'models/DeepSeek-R1-Distill-Qwen-14B', engine: 'torch' }, // paper: answers from captions in round 1
  problems: problems.map((name) => file(`data/${name}-captions.jsonl`)), // paper: captions by Qwen2.5-VL-3B in round 1
  verifiers: { math: mathAnswer({ extraction: 'boxed' }) }, // paper: exact match or MathRuler; ours: \boxed{}
  algorithm: grpo({
    kl: { estimator: 'k3', coefficient: 0.01 }, // code
    clipLow: 0.2, // code
    clipHigh: 0.2, // code
  }),
  optimizer: adamw({
    learningRate: 1e-6, // paper
    weightDecay: 0.01, // code
    maxGradNorm: 1, // code
  }),
  sampling: {
    temperature: 1, // code
    topP: 0.99, // code
    maxTokens,
  },
  batch: {
    problems: 512, // code: rollout batch
    groupSize: 5, // code
    updates: 4, // code: 128 problems per update
  },
  stages: rounds(3, (round) => [
    imitate(`write-up ${round}`, {
      examples:
        round === 1
          ? harvest({ from: 'teacher', rollouts: 4, choose: 'shortest', filter: cleaned, problems: 25_000 }) // paper: k 4, 25k
          : harvest({ rollouts: 4, choose: 'shortest', filter: cleaned, problems: 5000 }), // paper: shortest, 5k; code: second longest
      start: 'base', // paper: every SFT starts from the base model
      batchSize: 32, // paper
      epochs: 1, // paper
      // paper: 5e-7, cosine; code: 5e-6; ours: a warm-up in steps for the paper's share of 0.1
      optimizer: adamw({ learningRate: 5e-7, schedule: 'cosine', warmupSteps: round === 1 ? 78 : 15 }),
    }),
    stage(`explore ${round}`, {
      reference: 'stage', // ours: GRPO runs separately in the paper, each with its start as the reference
      maxSteps: 50, // ours: five passes over 5,000 problems; code (v1.2): 5 epochs on medium, 15 on hard problems
    }),
  ]),
  evaluation: [
    {
      ...suite({ name: 'mathvista-captions', maxTokens, rollouts: 1 }), // ours: with captions; the paper's 70.2 is with images
      problems: [file('data/mathvista-captions.jsonl')],
    },
  ],
});
