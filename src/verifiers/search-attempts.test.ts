import { expect, test } from 'vitest';
import {
  rewardConfig,
  rewardOf,
  overrideReward,
  partsReward,
  r1SearcherRewards,
} from '../algorithms/reward.ts';
import type { CallOutcome, Transcript } from '../core/transcript.ts';
import { mathProblem } from '../testing/index.ts';
import { composite } from './composite.ts';
import { openVerifier, verifierConfig } from './config.ts';
import { openSearchFormat, searchFormat, searchFormatConfig } from './search-format.ts';
import { shortAnswer } from './answers/short-answer.ts';
import { openToolUse, toolUse, toolUseConfig } from './tool-use.ts';

const problem = mathProblem({ answer: 'Lima' });

function attempt(...outcomes: readonly CallOutcome[]): Transcript {
  const calls = outcomes.map((outcome) => ({ tool: 'search@1', arguments: {}, outcome, result: '' }));
  return {
    tokens: new Int32Array(),
    logprobs: new Float32Array(),
    written: [],
    messages: [{ role: 'assistant', author: 'policy', content: '', calls }],
  };
}

async function formatReason(text: string, options: Parameters<typeof searchFormat>[0] = {}): Promise<string> {
  const { reason, score } = await openSearchFormat(searchFormatConfig.parse(searchFormat(options))).verify(
    problem,
    text,
  );
  expect(score).toBe(Number(reason.startsWith('has the format')));
  return reason;
}

test.for([
  ['<search>Peru</search> so <answer>Lima</answer>', 'has the format of search-r1'],
  ['<answer>Lima</answer>', 'has the format of search-r1'],
  ['<search>a</search><search>b</search><answer>Lima</answer>\n', 'has the format of search-r1'],
  [
    '<search>a</search><information>Lima</information><answer>Lima</answer>',
    'fabricated passages: wrote <information> itself',
  ],
  ['</information><answer>Lima</answer>', 'fabricated passages: wrote </information> itself'],
  ['<search>a<answer>Lima</answer>', '<search> is not closed'],
  ['a</search><answer>Lima</answer>', '</search> without <search>'],
  ['<search>a</search></search><answer>Lima</answer>', '</search> without <search>'],
  ['<search>a<search>b</search><answer>Lima</answer>', '<search> inside another'],
  ['<search> </search><answer>Lima</answer>', '<search> is empty'],
  ['Lima', 'expected one <answer>…</answer>, found 0 <answer> and 0 </answer>'],
  [
    '<answer>Lima</answer><answer>Quito</answer>',
    'expected one <answer>…</answer>, found 2 <answer> and 2 </answer>',
  ],
  ['</answer>Lima<answer>', '</answer> comes before <answer>'],
  ['<answer></answer>', '<answer> is empty'],
  ['<answer><search>Lima</search></answer>', '<answer> contains a query'],
  ['<answer>Lima</answer><search>a</search>', 'a query after </answer>'],
  ['<answer>1 2 3 4 5 6 7 8 9 10 11</answer>', 'an answer of 11 words; expected at most 10'],
  ['<answer>Lima</answer> and more', 'unexpected text after </answer>'],
] as const)('search format of %j: %s', async ([text, reason]) => {
  expect(await formatReason(text)).toBe(reason);
});

test.for([
  ['hm</think><answer>Lima</answer>', 'has the format of r1-searcher'],
  ['<answer>Lima</answer>', 'expected one </think>, found 0'],
  ['<think>hm</think><answer>Lima</answer>', 'the prompt has opened <think> already'],
  ['<answer></think>Lima</answer>', '</think> comes after the answer'],
  [
    '<|begin_of_documents|>x</think><answer>Lima</answer>',
    'fabricated passages: wrote <|begin_of_documents|> itself',
  ],
  ['<|begin_of_query|>x</think><answer>Lima</answer>', '<|begin_of_query|> is not closed'],
] as const)("R1-Searcher's format of %j: %s", async ([text, reason]) => {
  expect(await formatReason(text, { tags: 'r1-searcher', thinking: 'opened' })).toBe(reason);
});

test('toolUse counts only calls that a tool answered', async () => {
  const verifier = openToolUse(toolUseConfig.parse(toolUse({ minCalls: 2 })));
  const scoreOf = async (transcript?: Transcript) =>
    (await verifier.verify(problem, '', undefined, transcript)).score;
  expect(await scoreOf(attempt('ok', 'ok'))).toBe(1);
  expect(await scoreOf(attempt('ok', 'failed', 'malformed', 'refused'))).toBe(0);
  expect(await scoreOf(attempt())).toBe(0);
  expect(await scoreOf()).toBe(0);
});

const searching = composite([
  { name: 'answer', verifier: shortAnswer({ metric: 'f1' }) },
  { name: 'format', verifier: searchFormat(), decides: false },
  { name: 'searched', verifier: toolUse(), decides: false },
]);

test.for([
  ['searched, well formed, right', '<search>x</search><answer>Lima</answer>', ['ok'], 1, 1],
  ['searched, well formed, wrong', '<search>x</search><answer>Quito</answer>', ['ok'], 1, 0],
  ['well formed and half right, without a search', '<answer>Lima city Peru</answer>', [], 0.5, 0.5],
  ['right in a wrong format', '<search>x</search><answer>Lima</answer>!', ['ok'], 0.5, -1],
  ['nothing', 'Lima', [], 0, -2],
] as const)(
  "R1-Searcher's rewards of an attempt: %s",
  async ([, text, outcomes, searchReward, answerReward]) => {
    await using verifier = openVerifier(verifierConfig.parse(searching));
    const verdict = await verifier.verify(problem, text, undefined, attempt(...outcomes));
    const base = rewardConfig.parse(partsReward({ weights: { answer: 1 } }));
    expect(rewardOf(overrideReward(base, r1SearcherRewards.search), verdict)).toBeCloseTo(searchReward, 10);
    expect(rewardOf(overrideReward(base, r1SearcherRewards.answer), verdict)).toBeCloseTo(answerReward, 10);
    expect(rewardOf(base, verdict)).toBeCloseTo(answerReward < 0 ? answerReward + 2 : answerReward, 10);
  },
);

test('the error names the part of a reward that is missing from the verdict', () => {
  const reward = rewardConfig.parse(partsReward({ weights: { answer: 1 } }));
  const verdict = { outcome: 'correct', score: 1, reason: '', verifier: 'math@1' } as const;
  expect(() => rewardOf(reward, verdict)).toThrow(
    'expected a part "answer" in the verdict of math@1, got none',
  );
});

test('parts of a composite must have distinct names', () => {
  const twice = composite([
    { name: 'a', verifier: shortAnswer() },
    { name: 'a', verifier: toolUse() },
  ]);
  expect(() => verifierConfig.parse(twice)).toThrow('expected distinct names of parts');
});
