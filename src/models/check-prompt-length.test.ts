import { expect, test } from 'vitest';
import type { Problem } from '../core/problem.ts';
import type { EngineInfo, Renderer } from '../engines/engine.ts';
import { scriptedEngine } from '../testing/scripted-engine.ts';
import { defineRecipe } from '../recipe/define-recipe.ts';
import { beyondWindow, openPromptChecks, requireRoom } from './check-prompt-length.ts';

const info: EngineInfo = { engine: 'e', model: 'm', modelHash: 'h', device: 'd', maxSequenceTokens: 100 };
const asked = (id: string, content: string): Problem => ({
  id,
  domain: 'math',
  prompt: [{ role: 'user', content }],
  answer: '1',
  source: 'p.jsonl',
});
/** A tokenizer with one token per character. */
const render: Renderer['render'] = (prompt) => new Int32Array(prompt[0]!.content.length);
const engineOf = (facts: EngineInfo, rendering = render): Parameters<typeof requireRoom>[0] => ({
  sampler: {
    info: facts,
    sample: () => scriptedEngine({ complete: () => '' }).sample({ prompts: [], maxTokens: 1, seed: 0 }),
  },
  renderer: {
    endTokens: [0],
    render: rendering,
    append: () => new Int32Array(0),
    encode: () => new Int32Array(0),
    encodeForeign: () => new Int32Array(0),
    decode: () => '',
  },
});

test('counts prompts that fill the window and names the first', () => {
  const fits = asked('fits', 'x'.repeat(99));
  expect(() => requireRoom(engineOf(info), [fits])).not.toThrow();
  expect(() =>
    requireRoom(engineOf(info), [fits, asked('full', 'x'.repeat(100)), asked('more', 'x'.repeat(500))]),
  ).toThrow("the model's 100 tokens, got 2 of 3 that do not, e.g. problem full (p.jsonl) with 100;");
});

test('skips model servers, and does not encode short prompts for large windows', () => {
  const never: Renderer['render'] = () => {
    throw new Error('encoded');
  };
  const long = asked('long', 'x'.repeat(500));
  expect(() => requireRoom(engineOf({ ...info, server: {} }, never), [long])).not.toThrow();
  expect(() => requireRoom(engineOf({ ...info, maxSequenceTokens: 4096 }, never), [long])).not.toThrow();
});

test('warns about answers that may exceed the window', () => {
  const recipe = defineRecipe({
    name: 'r',
    policy: { model: 'm' },
    problems: [{ type: 'jsonl', path: 'p.jsonl' }],
    verifiers: { math: { type: 'math' } },
    algorithm: { type: 'grpo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 100 },
    batch: { problems: 2, groupSize: 2 },
    difficulty: { type: 'pass-rate', rollouts: 4, maxTokens: 300 },
    stages: [
      { type: 'stage', name: 'short', maxSteps: 1 },
      { type: 'stage', name: 'long', maxSteps: 1, maxTokens: 101 },
    ],
    evaluation: [{ name: 'held-out', maxTokens: 512, problems: [{ type: 'jsonl', path: 'p.jsonl' }] }],
  });
  expect(beyondWindow(recipe, info)).toEqual([
    'stage "long": maxTokens is 101, but prompt and answer together are limited to the model\'s 100 tokens',
    "difficulty: maxTokens is 300, but prompt and answer together are limited to the model's 100 tokens",
    'suite "held-out": maxTokens is 512, but prompt and answer together are limited to the model\'s 100 tokens',
  ]);
});

test("counts prompts with the model's tokenizer and chat template when cleaning data", async () => {
  const { overlong, unreadable } = await openPromptChecks('models/gradus-tiny', 8);
  expect(overlong(asked('short', '3+4=?'))).toBeUndefined();
  expect(overlong(asked('long', '12345678+1=?'))).toMatchObject({
    reason: 'overlong prompt',
    evidence: { tokens: 13, limit: 8 },
  });
  expect(unreadable(asked('short', '3+4=?'))).toBeUndefined();
  expect(unreadable(asked('foreign', '三加四 = ?'))).toMatchObject({
    reason: 'prompt with unknown tokens',
    explanation: expect.stringMatching(/^\d+ % of its prompt tokens are <unk>$/),
  });
  await expect(openPromptChecks('models/gradus-tiny', 256)).rejects.toThrow("less than the model's 256");
});
