import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { FinishReason } from '../../src/core/transcript.ts';
import { defineRecipe } from '../../src/recipe/define-recipe.ts';
import { writeShard } from '../../src/runs/files/rollout-shard.ts';
import { createRun } from '../../src/runs/writing/create-run.ts';
import { mathProblem } from '../../src/testing/index.ts';
import { singleTurn } from '../../src/testing/single-turn.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../../src/verifiers/math/verifier.ts';
import { jsonLines, openCommands } from './gradus.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-differences-'));
const commands = openCommands(folder);
const { run: gradus } = commands;
afterAll(() => {
  commands[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Records one judged rollout for each pair of gold and answer. */
async function judgedRecord(pairs: readonly (readonly [gold: string, answer: string])[]) {
  await using math = openMathAnswer(mathConfig.parse(mathAnswer()));
  const finishReason: FinishReason = 'stop';
  const groups = pairs.map(async ([gold, answer], index) => {
    const problem = mathProblem({ id: `p\u001b[2J${index}`, answer: gold });
    const text = `\\boxed{${answer}}`;
    const tokens = { promptTokens: new Int32Array(1), tokens: new Int32Array(1) };
    const transcripts = [singleTurn({ ...tokens, text, finishReason })];
    const verdict = await math.verify(problem, text);
    return { group: { problem, rollouts: [{ problemId: problem.id, index: 0, transcripts, verdict }] } };
  });
  return { step: 1, stage: 'one', purpose: 'measure', groups: await Promise.all(groups) } as const;
}

const pairs = [
  ['7', '7'],
  ['7', '8'],
  ['0.5', '\\frac{1}{2}'],
  ['5', '5 m/s'],
] as const;

const expected = {
  rollouts: 4,
  decided: 3,
  withoutRule: 0,
  sameText: 1,
  rules: [
    { strictness: 'loose', count: 1, examples: [{ gold: '5', answer: '5 m/s', step: 1, rollout: 0 }] },
    { rule: 'same value exactly', strictness: 'exact', count: 1 },
  ],
};

test('lists accepted differences of a run whose verifier cannot be opened', async () => {
  const recipe = defineRecipe({
    name: 'differing',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: { math: { type: 'custom', module: './absent.ts' } },
    algorithm: { type: 'grpo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 8 },
    stages: [{ type: 'stage', name: 'one', maxSteps: 1 }],
  });
  await using run = await createRun(folder, { name: 'differing', recipe, seed: 0 });
  await run.recordRollouts({ ...(await judgedRecord(pairs)), step: 0 });
  const json = await gradus('verify', 'audit', '--differences', 'differing-0001', '--json');
  expect(json).toMatchObject({ code: 0, stderr: '' });
  expect(jsonLines(json)).toMatchObject([{ ...expected, rules: [{ examples: [{ step: 0 }] }, {}] }]);
});

test('lists them for a Parquet file, with control characters escaped', async () => {
  await writeShard(join(folder, 'rollouts.parquet'), await judgedRecord(pairs));
  const json = await gradus('verify', 'audit', '--differences', 'rollouts.parquet', '--json');
  expect(jsonLines(json)).toMatchObject([expected]);
  const text = await gradus('verify', 'audit', '--differences', 'rollouts.parquet');
  expect(text.stdout).toMatch(/^2 of 3 correct answers differ from the gold as text\n/);
  expect(text.stdout).toContain('    gold 0.5, answer \\frac{1}{2}: p␛[2J2 #0 at step 1\n');
});

test('rejects --differences with --recipe, and a path without rollouts', async () => {
  const both = await gradus('verify', 'audit', '--differences', '--recipe', 'r.toml', 'x');
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('--recipe') });
  const absent = await gradus('verify', 'audit', '--differences', 'absent');
  expect(absent).toMatchObject({ stdout: '', stderr: expect.stringContaining('found nothing there') });
  expect(absent.code).not.toBe(0);
});
