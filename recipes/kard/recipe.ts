import { adamw, defineRecipe, imitate, jsonl, shortAnswer, suite } from 'gradus';

const heldOut = (name: string, file: string) => ({
  ...suite({ name, maxTokens: 10, rollouts: 4 }),
  problems: [jsonl(file)],
});

/** A tiny student learns to reason from passages; README.md adds the reranker. */
export default defineRecipe({
  name: 'kard',
  description: 'A tiny student learns a teacher’s rationales from the passages that support them.',
  policy: { model: '../../models/gradus-search' },
  verifiers: { 'short-answer': shortAnswer() },
  optimizer: adamw({ learningRate: 2e-3, beta2: 0.98, warmupSteps: 10, schedule: 'cosine' }),
  stages: [
    // Prompts have the passage that BM25 finds with the rationale as the query.
    imitate('read', { examples: 'train.jsonl', batchSize: 64, epochs: 11, maxSteps: 100 }),
  ],
  evaluation: [
    heldOut('no passage', 'held-out.jsonl'),
    heldOut('bm25', 'held-out-bm25.jsonl'),
    heldOut('oracle', 'held-out-oracle.jsonl'),
  ],
});
