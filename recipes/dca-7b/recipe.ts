import { adamw, defineRecipe, file, imitate, mathAnswer, solutions, suite, torch } from 'gradus';

/*
 * Wang et al., "Deconfounded Causality-aware Parameter-Efficient Fine-Tuning for Problem-Solving Improvement of LLMs",
 * arXiv 2409.02686. "paper" marks values from its abstract and opening, "code" those of its published scripts, "ours" other
 * choices. The published scripts add the paper's penalty with weight 0. Here only training on several wordings of a problem
 * teaches the model to answer them alike.
 */

const maxTokens = 256; // code: longest sequence; ours: longest answer

const tested = (name: string) => ({
  ...suite({ name, maxTokens, rollouts: 1, wordings: true }), // ours: also in wordings that no stage trains on
  problems: [file(`data/${name}-worded.jsonl`)],
});

export default defineRecipe({
  name: 'dca-7b',
  description:
    'Adapters of a 7B model learn problems under several wordings; robustness is measured on unseen ones.',
  policy: {
    model: 'models/llama-7b', // paper
    engine: torch({
      // paper: LLaMA-Adapter, 10 vectors in each of the last 30 layers, 1.2 M weights; ours: LoRA, which is better in PEFT's comparison
      lora: {
        rank: 32,
        alpha: 64,
        targets: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
      },
    }),
  },
  problems: [
    file('data/letter-concatenation-worded.jsonl'), // paper
    file('data/math10k-worded.jsonl'), // code
  ],
  verifiers: { math: mathAnswer() }, // ours: the last number or \boxed{}
  optimizer: adamw({
    learningRate: 2e-4, // ours, for LoRA; code: 9e-3 · batch / 256 for adapters
    beta1: 0.9, // code
    beta2: 0.95, // code
    weightDecay: 0.02, // code
    warmupSteps: 0, // ours; code: 40 epochs of warm-up in a run of 5, so that the rate never exceeds an eighth
  }),
  stages: [
    imitate('worded solutions', {
      examples: solutions(), // ours: each solution under every wording; code: pairs of questions of one type
      batchSize: 32, // ours
      epochs: 5, // code
      heldOut: 0.02, // ours; code: the last 200 rows, which are also trained on
    }),
  ],
  evaluation: ['svamp', 'multiarith', 'gsm8k'].map(tested), // code
});
