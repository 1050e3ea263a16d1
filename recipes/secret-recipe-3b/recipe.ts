import {
  adamw,
  defineRecipe,
  file,
  imitate,
  mathAnswer,
  multipleChoice,
  publishedSuite,
  suite,
} from 'gradus';

/*
 * Pareja et al., "Unveiling the Secret Recipe: A Guide For Supervised Fine-Tuning Small LLMs", arXiv 2412.13337. "paper"
 * marks values from the paper's text and appendices, "code" those of its repository (instructlab/training) where the paper
 * is silent, "ours" choices that both leave open or that Gradus makes differently.
 */

const batchSize = 3840; // paper: LAB's 3,840 to 4,000; TULU's setting is 128
const examples = 'data/math-reasoning-code.jsonl'; // paper: a Math-Reasoning-Code set; ours: its file, which is not published

export default defineRecipe({
  name: 'secret-recipe-3b',
  description:
    'The paper’s setting for a 3B model: a very large batch, a constant rate, no warm-up, one phase.',
  policy: { model: 'models/Llama-3.2-3B', engine: 'torch' }, // paper: LLaMA 3B; ours: release 3.2
  verifiers: {
    math: mathAnswer({ extraction: 'boxed' }), // ours
    'multiple-choice': multipleChoice(), // ours
  },
  optimizer: adamw({
    learningRate: 2e-5, // paper: LAB and TULU; neighbours tried: 1e-6 to 1e-4
    beta2: 0.95, // ours; the paper does not state it
    warmupSteps: 0, // paper: omitting warm-up does no harm
    schedule: 'constant', // paper: LAB; TULU decays linearly
  }),
  stages: [
    imitate('stacked', {
      examples, // paper: all phases at once; phased training was 1 to 6 points behind for LLaMA 3B
      batchSize,
      epochs: 10, // ours: the paper evaluates up to 12 million samples and reports the best checkpoint
      heldOut: 0.01, // ours
      heldOutEvery: 65, // ours: every 250,000 samples
    }),
  ],
  evaluation: [
    publishedSuite('gsm8k', { every: 65 }), // paper: target; ours: every 250,000 samples
    publishedSuite('math500', { every: 65 }), // ours: in place of MATH level 5
    {
      ...suite({ name: 'mmlu', maxTokens: 16, rollouts: 1, every: 65 }), // paper: retained; ours: sampled, not by likelihood
      problems: [file('data/mmlu.jsonl', { domain: 'multiple-choice' })],
    },
  ],
});
