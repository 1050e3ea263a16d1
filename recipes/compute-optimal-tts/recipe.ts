import {
  adamw,
  beam,
  bestOfN,
  defineRecipe,
  dvts,
  imitate,
  majority,
  mathAnswer,
  poolingScorer,
  publishedSuite,
} from 'gradus';

/*
 * Compute-optimal test-time scaling (Liu et al., February 2025, arXiv 2502.06703): small policies that search with a process
 * reward model, judged by difficulty. "paper" marks values of its text and tables, "code" those of its repository
 * (commit 0ee2578), "ours" choices that neither specifies.
 */

const width = 4; // paper: beam width M
const depth = 40; // paper: maximum number of steps
const maxStepTokens = 2048; // paper: tokens per step

const strategies = [
  majority(), // paper
  bestOfN(), // paper
  beam({ width, depth, maxStepTokens }), // paper
  dvts({ width, depth, maxStepTokens }), // paper
];

const settings = {
  temperature: 0.7, // paper: R1-Distill policies 0.6
  topP: 1, // ours: the paper gives top-p only for R1-Distill (0.95)
  maxTokens: 8192, // paper: R1-Distill policies 32,768
  rollouts: 4, // ours: avg@4 beside the strategies
  greedy: true, // paper: the chain of thought at temperature 0
  strategies,
  budgets: [4, 16, 64, 256], // paper
  stepSeparator: '\n\n', // code: the flag double_line_break, on by default
  scorer: poolingScorer({
    baseUrl: 'http://127.0.0.1:8001/v1', // ours
    model: 'Qwen/Qwen2.5-Math-PRM-7B', // paper: one of seven scorers
    stepTag: '<extra_0>', // the model's card
    goodClass: 1, // the model's card
  }),
};

export default defineRecipe({
  name: 'compute-optimal-tts',
  description:
    'Majority, best of N, beam search and DVTS at N = 4 to 256 with a process reward model, by difficulty.',
  policy: { model: 'models/Llama-3.2-1B-Instruct', engine: 'torch' }, // paper: the smallest of ten policies
  verifiers: { math: mathAnswer({ extraction: 'boxed' }) }, // code: the last \boxed{}
  optimizer: adamw({ learningRate: 1e-5 }), // ours
  // Ours: a recipe needs a stage, but the paper trains nothing. This stage would teach the policy its chosen
  // answers.
  stages: [imitate('chosen answers', { examples: 'data/chosen.jsonl' })],
  evaluation: [
    publishedSuite('math500', settings), // paper
    publishedSuite('aime24', settings), // paper
  ],
});
