import {
  adamw,
  band,
  composite,
  defineRecipe,
  drGrpo,
  file,
  httpRetriever,
  level,
  partsReward,
  r1SearcherRewards,
  search,
  searchFormat,
  shortAnswer,
  stage,
  suite,
  toolUse,
} from 'gradus';

/*
 * Song et al., "R1-Searcher: Incentivizing the Search Capability in LLMs via Reinforcement Learning", arXiv 2503.05592.
 * "paper" marks values from the paper, "code" those of the published scripts where the paper is silent, "ours" choices that
 * both leave open or that Gradus makes differently.
 */

const tokensPerTurn = 512; // code
const maxCalls = 8; // code
const maxTokens = tokensPerTurn * (maxCalls + 1); // ours: one limit for all turns of an attempt, not one per turn
const domain = 'short-answer';

const instruction = // ours: the paper's tags in a wording of our own
  'Think first. Write <|begin_of_query|> words <|end_of_query|> to search; passages come between <|begin_of_documents|> ' +
  'and <|end_of_documents|>. End with the answer in a few words: <answer>Lima</answer>.';

const questions = (name: string) => file(`data/${name}.jsonl`, { domain, instruction });

const evaluated = (name: string) => ({
  ...suite({ name, maxTokens, rollouts: 1, greedy: true, every: 20 }), // paper: greedy; every: ours
  problems: [questions(name)], // paper: 500 questions of each development set, 125 of Bamboogle
});

export default defineRecipe({
  name: 'r1-searcher-7b',
  description: 'The paper’s two stages for Qwen2.5-7B: first rewarded for searching, then for the answer.',
  policy: { model: 'models/Qwen2.5-7B', engine: 'torch' }, // paper
  problems: [questions('hotpotqa-train'), questions('2wiki-train')], // paper
  environments: {
    [domain]: search({
      // code: Wikipedia's abstracts of 2017 in a flat index of bge-large-en-v1.5, served over HTTP; the protocol is Search-R1's
      retriever: httpRetriever({
        url: 'http://127.0.0.1:8000/retrieve',
        version: 'wiki-2017-abstracts-bge-large-en-v1.5',
      }),
      format: 'r1-searcher', // paper
      top: 3, // code: 3 in training; ours: 3 in evaluation too, where the code has 5
      maxCalls,
      maxResultTokens: 1024, // ours
    }),
  },
  verifiers: {
    [domain]: composite([
      { name: 'answer', verifier: shortAnswer({ metric: 'f1', maxWords: 10 }) }, // paper: F1; code: at most 10 words
      { name: 'format', verifier: searchFormat({ tags: 'r1-searcher', maxWords: 10 }), decides: false }, // code, without its rules on languages and on "assistant"
      { name: 'searched', verifier: toolUse({ minCalls: 1 }), decides: false }, // paper
    ]),
  },
  rewards: { [domain]: partsReward({ weights: { answer: 1 } }) },
  // paper: attempts by Qwen2.5-7B-Instruct until the first right answer: medium 10 to 20, difficult more than
  // 20. ours: the same bounds as pass rates, measured with the instruct model, in a separate store
  knownPassRates: [{ label: 'instruct', store: 'difficulty/qwen2.5-7b-instruct.sqlite' }],
  levels: [
    level('medium', band({ model: 'instruct', min: 1 / 20, max: 1 / 10 })),
    level('difficult', band({ model: 'instruct', max: 1 / 20, excludeMax: true })),
  ],
  algorithm: drGrpo({
    aggregation: 'sequence-mean-token-mean', // code
    clipLow: 0.2, // code
    clipHigh: 0.2, // code
    kl: null, // code: 0 for Qwen
  }), // code: reward minus the group's mean, no division ("reinforce_baseline"); the paper names Reinforce++
  optimizer: adamw({ learningRate: 2e-6 }), // code, without warm-up
  sampling: {
    temperature: 1, // code
    topP: 0.95, // code
    maxTokens,
  },
  batch: {
    problems: 64, // code
    groupSize: 16, // paper
    updates: 4, // code: 1,024 rollouts per step, 256 per update
  },
  stages: [
    stage('learn to search', {
      select: 'medium', // paper: 350 questions, 200 of HotpotQA and 150 of 2Wiki
      reward: r1SearcherRewards.search, // paper; the published server for Llama adds ±1 for the answer
      maxSteps: 6, // ours: one pass over 350 questions
    }),
    stage('learn to answer', {
      select: ['medium', 'difficult'], // paper: 8,148 questions, none of them easy
      reward: r1SearcherRewards.answer, // paper: F1, −2 for a wrong format
      maxSteps: 128, // ours: one pass over 8,148 questions
    }),
  ],
  evaluation: ['hotpotqa', '2wiki', 'musique', 'bamboogle'].map(evaluated), // paper; its metric is cover exact match, here an answer counts if F1 = 1
});
