import { adamw, defineRecipe, file, imitate, multipleChoice, suite } from 'gradus';

/*
 * Kang et al., "Knowledge-Augmented Reasoning Distillation" (KARD), arXiv 2305.18395, on MedQA. "paper" marks values from the
 * paper, "code" those of the published code where the paper is silent, "ours" choices of this recipe. README.md has the
 * commands that make the files, with their numbers.
 */

const domain = 'multiple-choice';

const test = (name: string) => ({
  ...suite({
    name: `medqa ${name}`,
    maxTokens: 512, // ours
    rollouts: 5, // code: five samples and a majority vote, unless --greedy
    greedy: true, // code: --greedy
  }),
  problems: [file(`data/medqa-test-${name}.jsonl`, { domain })],
});

export default defineRecipe({
  name: 'kard-medqa',
  description: 'KARD on MedQA: a small model learns a teacher’s rationales from the passages that they find.',
  // paper: Flan-T5 250M, 780M and 3B (encoder–decoder), OPT 350M and 1.3B; ours: a causal model of that size, since Gradus has no
  // encoder–decoders, so the paper's accuracies are no targets for it
  policy: { model: 'models/Qwen2.5-0.5B', engine: 'torch' },
  verifiers: { [domain]: multipleChoice({ letters: 'ABCD' }) }, // ours: the code compares the last line
  optimizer: adamw({
    learningRate: 1e-4, // paper
  }),
  stages: [
    imitate('reason with knowledge', {
      examples: 'data/medqa-examples.jsonl', // paper: every rationale with the passages that it finds
      batchSize: 32, // ours
      epochs: 3, // paper
    }),
  ],
  evaluation: [
    test('closed-book'), // paper: the student of reasoning distillation without knowledge is trained separately
    test('bm25'), // paper
    test('reranked'), // paper
    test('oracle'), // paper: passages found by the rationale
  ],
});
