import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { formatResult } from '../cli/training/training-watch.ts';
import { createRun } from '../runs/writing/create-run.ts';
import { readRunResult } from './summary.ts';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';

/**
 * Returns an evaluation with one problem per argument; the argument is the problem's number of trials, all of them
 * correct.
 */
const evaluation = (...trials: readonly number[]) => ({
  suite: 'held-out',
  problems: trials.map((count, i) => ({ id: `p${i}`, domain: 'math', trials: count, successes: count })),
  sampling: { rollouts: 2 },
  verifiers: ['math@1'],
});

async function resultOf(before: unknown, after: unknown) {
  const root = makeFastFolder('summary');
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await using run = await createRun(root, { name: 'summary', recipe: {}, seed: 0 });
  await run.recordEvaluation({ step: 0, name: 'held-out', result: before });
  await run.recordEvaluation({ step: 1, name: 'held-out', result: after });
  return await readRunResult(run.directory);
}

test('omits the comparison if no problem was judged in both evaluations', async () => {
  const result = await resultOf(evaluation(2, 0), evaluation(0, 2));
  expect(result.suites).toMatchObject([{ name: 'held-out' }]);
  expect(result.suites[0]!.comparison).toBeUndefined();
  expect(formatResult(result)).toContain('not compared: no problem was judged in both evaluations');
});

test('compares the problems judged in both evaluations', async () => {
  const result = await resultOf(evaluation(2, 2), evaluation(0, 2));
  expect(result.suites[0]!.comparison!.overall.problems).toBe(1);
});
