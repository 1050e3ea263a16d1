import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { PlanComparison } from '../../src/planning/compare-plan.ts';
import type { RunPlan } from '../../src/planning/plan.ts';
import { jsonLines, makeWorkplace, openCommands, sums, tinyRecipe, writeRows } from './gradus.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const folder = makeWorkplace('plan');
const commands = openCommands(folder);
const { run } = commands;
afterAll(() => {
  commands[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

const recipe = tinyRecipe({
  difficulty: { type: 'pass-rate', rollouts: 4, maxTokens: 6, store: 'difficulty.sqlite' },
});

async function plan(...args: string[]): Promise<RunPlan> {
  const ended = await run('plan', 'recipe.json', '--json', ...args);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return jsonLines(ended).at(-1) as unknown as RunPlan;
}

beforeAll(() => {
  writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));
  writeRows(join(folder, 'problems.jsonl'), sums);
});

test('assumes rollouts of maximum length if nothing is known', async () => {
  const { parts, lengthFrom, speedFrom, memory } = await plan();
  expect(
    parts.map(({ kind, rollouts, tokens, seconds }) => [kind, rollouts.expected, tokens, seconds]),
  ).toEqual([
    ['measuring', 16, { low: 16, expected: 96, high: 96 }, undefined],
    ['stage', 8, { low: 8, expected: 48, high: 48 }, undefined],
    // 2 samples for each of 4 problems, before and after training.
    ['evaluation', 16, { low: 16, expected: 96, high: 96 }, undefined],
  ]);
  expect({ lengthFrom, speedFrom }).toEqual({});
  expect(memory!.bytes).toBeGreaterThan(92 * 2 ** 20);
  expect(memory!.bytes).toBeLessThan(memory!.budget);
});

test('takes lengths from the store, speed from earlier runs, and the cost from prices', async () => {
  await run('difficulty', 'estimate', 'recipe.json', '--store', 'difficulty.sqlite');
  expect(await run('train', 'recipe.json', '--plain')).toMatchObject({ code: 0 });
  writeFileSync(join(folder, 'prices.toml'), 'currency = "EUR"\nperHour = 3.5\n');
  const planned = await plan('--prices', 'prices.toml');
  expect(planned.lengthFrom).toBe('16 attempts in difficulty.sqlite');
  expect(planned.speedFrom).toBe('1 run in runs');
  const [measuring, stage] = planned.parts;
  expect(measuring!.rollouts).toEqual({ low: 0, expected: 0, high: 0 });
  expect(stage!.seconds!.expected).toBeGreaterThan(0);
  const seconds = planned.parts.reduce((sum, part) => sum + part.seconds!.expected, 0);
  expect(planned.cost!.total.expected).toBeCloseTo((3.5 * seconds) / 3600, 10);
  const shown = await run('plan', 'recipe.json');
  expect(shown.stdout).toMatch(/^stage "all" +8 +\d+ \(\d+ … \d+\) +\d+ s/m);
});

test('measures lengths and speed in training steps, and prints the plan in a dry run', async () => {
  const measured = await plan('--calibrate', '--set', 'difficulty=null');
  expect(measured.speedFrom).toBe('5 steps made just now');
  expect(measured.lengthFrom).toBe(measured.speedFrom);
  expect(measured.parts[0]!.seconds!.expected).toBeGreaterThan(0);
  const dry = await run('train', 'recipe.json', '--dry-run', '--runs', 'none');
  expect(dry.stdout).toMatch(/^recipe "tiny" is valid\n[^]*\nspeed: unknown/);
});

test('shows the plan of a run next to its actual cost', async () => {
  const [last] = jsonLines(await run('runs', 'show', 'runs/tiny-0001', '--json')).slice(-1);
  const compared = last!['plan'] as PlanComparison[];
  expect(compared.map(({ part }) => part.kind)).toEqual(['stage', 'evaluation']);
  for (const { part, actual } of compared) {
    expect(actual.rollouts).toBe(part.rollouts.expected);
    expect(actual.tokens).toBeGreaterThanOrEqual(part.tokens.low);
    expect(actual.tokens).toBeLessThanOrEqual(part.tokens.high);
  }
  expect(compared[0]!.actual.seconds).toBeGreaterThan(0);
  const { stdout } = await run('runs', 'show', 'runs/tiny-0001');
  expect(stdout).toMatch(/^plan +rollouts +actual +tokens written +actual +time +actual$/m);
});

test('suggests a memory budget that fits, and rejects unknown fields in the price file', async () => {
  const small = await plan('--set', 'policy.engine.memoryBudget=128MiB');
  expect(small.memory).toMatchObject({
    problem: expect.stringMatching(/room for one sequence of \d+ tokens \(\d+ MB\)/),
    changes: [expect.stringMatching(/^policy\.engine\.memoryBudget=\d+MiB$/)],
  });
  const fitting = await plan('--set', small.memory!.changes![0]!);
  expect(fitting.memory!.bytes).toBeLessThan(fitting.memory!.budget);
  writeFileSync(join(folder, 'wrong.toml'), 'currency = "EUR"\nperhour = 3.5\n');
  const wrong = await run('plan', 'recipe.json', '--prices', 'wrong.toml');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/wrong\.toml.*perhour/s) });
});
