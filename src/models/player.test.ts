import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';
import { recipeConfig } from '../recipe/recipe.ts';
import { createRun } from '../runs/writing/create-run.ts';
import { loadAll } from '../problems/load-problems.ts';
import { createPlayer, type Question } from './player.ts';

const root = makeFastFolder('player');
const player = createPlayer();
let directory: string;
let question: Question;

const settings = {
  name: 'played',
  policy: { model: join(process.cwd(), 'models/gradus-tiny') },
  problems: [{ type: 'generated', families: ['addition'], knobs: [1], split: 'train', perCell: 3 }],
  verifiers: { math: { type: 'math', extraction: 'boxed' } },
  algorithm: { type: 'grpo' },
  optimizer: { learningRate: 1e-4 },
  sampling: { maxTokens: 24 },
  stages: [{ type: 'stage', name: 'one', maxSteps: 1 }],
};

beforeAll(async () => {
  const recipe = recipeConfig.parse(settings);
  await using run = await createRun(root, { name: 'played', recipe, seed: 0 });
  await run.exportModel(async (folder) => cpSync('models/gradus-tiny', folder, { recursive: true }));
  directory = run.directory;
  const [problem] = await loadAll(recipe.problems, recipe);
  const { prompt, id } = problem!;
  question = { messages: prompt, problem: id, count: 3, maxTokens: 24, temperature: 1, seed: 0 };
});
afterAll(async () => {
  await player[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

async function ask(asked: Question, signal = new AbortController().signal) {
  const events = [];
  for await (const event of player.answer(directory, asked, signal)) events.push(event);
  return events;
}

test('returns answers at once or token by token, and judges them', async () => {
  expect(await player.models(directory)).toEqual([{ step: null, label: 'the finished model' }]);
  const answers = (await ask(question)).filter((event) => event.type === 'completion');
  expect(answers.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  for (const { tokens, logprobs, pieces, text, verdict } of answers) {
    expect(logprobs).toHaveLength(tokens.length);
    expect(pieces).toHaveLength(tokens.length);
    expect(pieces.join('').startsWith(text)).toBe(true);
    expect(verdict).toMatchObject({ verifier: expect.stringContaining('math@') });
  }
});

test("answers a problem in the turns of its domain's environment, judged by the last one", async () => {
  const module = join(root, 'again.mjs');
  writeFileSync(
    module,
    `export default () => ({
      roles: ['user'],
      start: () => ({ state: 1 }),
      reply: (state) => ({
        state: 2,
        reply: state === 1 ? { type: 'messages', messages: [{ role: 'user', content: 'Say 1+1' }] } : { type: 'end' },
      }),
    })`,
  );
  const recipe = recipeConfig.parse({ ...settings, environments: { math: { type: 'custom', module } } });
  await using run = await createRun(root, { name: 'in-turns', recipe, seed: 0 });
  await run.exportModel(async (folder) => cpSync('models/gradus-tiny', folder, { recursive: true }));
  const asked = { ...question, count: 2, temperature: 0 };
  const answers = [];
  for await (const event of player.answer(run.directory, asked, new AbortController().signal))
    answers.push(event);
  expect(answers).toHaveLength(2);
  for (const answer of answers) {
    expect(answer.text).toContain('[user] Say 1+1');
    expect(answer).toMatchObject({ failure: null, verdict: { verifier: expect.stringContaining('math@') } });
  }
});

test('repeats an answer for the same seed, and returns no verdict if no problem is given', async () => {
  const { problem: _problem, ...unjudged } = question;
  const texts = async () => (await ask({ ...unjudged, count: 1 })).map((event) => event.text).join('|');
  expect(await texts()).toBe(await texts());
  const events = await ask({ ...unjudged, count: 1 });
  expect(events.at(-1)).toMatchObject({ type: 'completion', verdict: null });
});

test('reports an unknown step or problem as one clear error', async () => {
  await expect(ask({ ...question, step: 7 })).rejects.toThrow('expected a checkpoint of step 7, found none');
  await expect(ask({ ...question, problem: 'none' })).rejects.toThrow('found none named "none"');
});
