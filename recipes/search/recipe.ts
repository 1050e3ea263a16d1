import {
  adamw,
  bm25,
  composite,
  defineRecipe,
  grpo,
  jsonl,
  partsReward,
  r1SearcherRewards,
  search,
  searchFormat,
  shortAnswer,
  stage,
  suite,
  tags,
  toolUse,
} from 'gradus';

const heldOut = { problems: [jsonl('held-out.jsonl')] };

export default defineRecipe({
  name: 'search',
  description: 'A tiny model learns to search: facts about made-up people are only in the passages.',
  policy: { model: '../../models/gradus-search' },
  problems: [jsonl('train.jsonl')],
  environments: {
    'short-answer': search({
      retriever: bm25({ passages: 'facts.jsonl' }),
      // Search-R1's tags without blanks around the passages: every token counts in a window of 96.
      format: tags({ call: ['<search>', '</search>'], result: ['<information>', '</information>'] }),
      top: 2,
      maxCalls: 4,
    }),
  },
  verifiers: {
    'short-answer': composite([
      { name: 'answer', verifier: shortAnswer({ metric: 'f1' }) },
      { name: 'format', verifier: searchFormat(), decides: false },
      { name: 'searched', verifier: toolUse(), decides: false },
    ]),
  },
  rewards: { 'short-answer': partsReward({ weights: { answer: 1 } }) },
  algorithm: grpo({ clipHigh: 0.28 }),
  optimizer: adamw({ learningRate: 1e-3, beta2: 0.98 }),
  sampling: { maxTokens: 20 },
  batch: { problems: 24, groupSize: 8 },
  stages: [
    stage('learn to search', { reward: r1SearcherRewards.search, maxSteps: 10 }),
    stage('learn to answer', { reward: r1SearcherRewards.answer, maxSteps: 20 }),
  ],
  evaluation: [
    { ...suite({ name: 'held-out', maxTokens: 20, rollouts: 4 }), ...heldOut },
    { ...suite({ name: 'closed-book', maxTokens: 20, rollouts: 1, closedBook: true }), ...heldOut },
  ],
});
