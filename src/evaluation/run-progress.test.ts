import { rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';
import { createRun } from '../runs/writing/create-run.ts';
import type { ProblemResult } from './problem-result.ts';
import { runProgress } from './run-progress.ts';

const root = makeFastFolder('run-progress');
afterAll(() => rmSync(root, { recursive: true }));

const verdicts = { correct: 0, incorrect: 0, unparsed: 0, timeout: 0, ungradable: 0 };

/**
 * Creates an evaluation of twenty problems in two families, `sums` and `words`; in each family, the given number of ten
 * rollouts per problem is correct.
 */
function evaluation(suite: string, sums: number, words: number) {
  const problems = Array.from({ length: 20 }, (_, i): ProblemResult => {
    const family = i < 10 ? 'sums' : 'words';
    const correct = family === 'sums' ? sums : words;
    return { id: `p${i}`, domain: 'math', family, trials: 10, correct, verdicts, truncated: 0, tokens: 10 };
  });
  const accuracy = { mean: (sums + words) / 20, low: 0, high: 1 };
  const sampling = { rollouts: 10, temperature: 1, topP: 1, maxTokens: 8, greedy: false };
  const overall = { problems: 20, accuracy };
  return { suite, sampling, verifiers: ['math@1'], overall, byDomain: { math: overall }, problems };
}

test('compares the first and last evaluations of each suite, overall and by family', async () => {
  await using run = await createRun(root, { name: 'run', recipe: {}, seed: 0 });
  const record = (step: number, sums: number, words: number, name = 'held-out'): Promise<void> =>
    run.recordEvaluation({ step, name, result: evaluation(name, sums, words) });
  await record(0, 2, 5);
  await record(0, 2, 5, 'once');
  await record(0, 9, 9);
  await record(0, 6, 4);
  const [held, ...others] = await runProgress(run.directory);
  expect(others).toEqual([]);
  expect(held).toMatchObject({ suite: 'held-out', steps: [0, 0], overall: { before: 0.35, after: 0.5 } });
  expect(held!.byFamily['sums']!.difference.mean).toBeCloseTo(0.4, 12);
  expect(held!.byFamily['words']!.difference.mean).toBeCloseTo(-0.1, 12);
});

test('returns nothing for a run without evaluations', async () => {
  await using run = await createRun(root, { name: 'bare', recipe: {}, seed: 0 });
  expect(await runProgress(run.directory)).toEqual([]);
});
