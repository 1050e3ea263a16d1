import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { createRun } from '../../runs/writing/create-run.ts';
import { tInterval } from '../../statistics/intervals.ts';
import { compareRuns } from '../compare-runs.ts';
import { compareSeeds } from './compare-seeds.ts';
import { findRuns } from '../find-runs.ts';
import { formatSeeds } from './format-seeds.ts';
import type { CurvePoint } from '../learning-curve.ts';
import type { ProblemResult } from '../problem-result.ts';
import { differenceOverSeeds } from './seeds-difference.ts';
import { speedToEnd } from '../speed.ts';

const root = makeFastFolder('compare-seeds');
afterAll(() => rmSync(root, { recursive: true }));

const verdicts = { correct: 0, incorrect: 0, unparsed: 0, timeout: 0, ungradable: 0 };
/** Returns ten problems with ten trials each, of which `correct` are correct. */
const problems = (correct: number, prefix = 'p'): ProblemResult[] =>
  Array.from({ length: 10 }, (_, i) => ({
    id: `${prefix}${i}`,
    domain: i < 5 ? 'math' : 'code',
    trials: 10,
    correct: Math.floor((correct + 9 - i) / 10),
    verdicts,
    truncated: 0,
    tokens: 10,
  }));

function evaluation(correct: number, changes: object = {}) {
  const results = problems(correct);
  const rate = (some: readonly ProblemResult[]) => {
    const mean = some.reduce((all, one) => all + one.correct, 0) / (10 * some.length);
    return { problems: some.length, accuracy: { mean, low: mean, high: mean } };
  };
  return {
    suite: 'held-out',
    sampling: { rollouts: 10, temperature: 1, topP: 1, maxTokens: 8, greedy: false },
    verifiers: ['math@1'],
    overall: rate(results),
    byDomain: { math: rate(results.slice(0, 5)), code: rate(results.slice(5)) },
    problems: results,
    ...changes,
  };
}

interface Plan {
  readonly name: string;
  readonly seed: number;
  readonly sampler: string;
  /** Number of correct trials out of 100 after each step, from step 0. */
  readonly course: readonly number[];
  readonly changes?: object;
  readonly end?: 'finished' | 'failed';
}

/** Records a finished run with 100 rollouts and 1,000 tokens per step. */
async function record({ name, seed, sampler, course, changes = {}, end = 'finished' }: Plan): Promise<void> {
  await using run = await createRun(root, { name, seed, recipe: { name, seed, sampler, baseDir: name } });
  for (const [step, correct] of course.entries()) {
    if (step > 0)
      await run.recordStep({ step, stage: 'all', metrics: { 'rollout/count': 100, 'rollout/tokens': 1000 } });
    await run.recordEvaluation({ step, name: 'held-out', result: evaluation(correct, changes) });
  }
  await run.finish(end, 'done');
}

const uniform = (seed: number, course: readonly number[]): Plan => ({
  name: 'uniform',
  sampler: 'uniform',
  seed,
  course,
});
const auto = (seed: number, course: readonly number[]): Plan => ({
  name: 'auto',
  sampler: 'auto',
  seed,
  course,
});
const at = (...folders: string[]): string[] => folders.map((folder) => join(root, folder));
const side = (name: string): string[] => findRuns([join(root, name)]);

beforeAll(async () => {
  await record(uniform(1, [10, 20, 30, 40, 50]));
  await record(uniform(2, [10, 20, 30, 40, 52]));
  await record(uniform(3, [10, 20, 30, 40, 48]));
  await record(auto(1, [10, 50, 60, 60, 60]));
  await record(auto(3, [10, 50, 60, 60, 61]));
  await record(auto(2, [10, 50, 60, 60, 59]));
  await record({ ...uniform(4, [10, 20]), name: 'lonely' });
  await record({ ...auto(4, [10, 20]), name: 'other', sampler: 'ucb' });
});

describe('comparing seeds', () => {
  test('pairs runs by seed and returns t-intervals for both sides and for their difference', async () => {
    const { seeds, recipe, runs, suites, warnings } = await compareSeeds(side('uniform'), side('auto'));
    expect(seeds).toEqual([1, 2, 3]);
    expect(runs.after).toEqual(at('auto-0001', 'auto-0003', 'auto-0002'));
    expect(recipe).toEqual([{ path: 'sampler', before: 'uniform', after: 'auto' }]);
    expect(warnings).toEqual([]);
    const [{ overall, byDomain, steps, curves }] = suites as [(typeof suites)[0]];
    expect(overall.problems).toBe(10);
    expect(overall.seeds).toEqual([
      { seed: 1, before: expect.closeTo(0.5, 12), after: expect.closeTo(0.6, 12) },
      { seed: 2, before: expect.closeTo(0.52, 12), after: expect.closeTo(0.59, 12) },
      { seed: 3, before: expect.closeTo(0.48, 12), after: expect.closeTo(0.61, 12) },
    ]);
    // Differences 0.10, 0.07, 0.13: mean 0.1, deviation 0.03; t with two degrees of freedom is 4.3027.
    expect(overall.difference.mean).toBeCloseTo(0.1, 12);
    expect(overall.difference.high - 0.1).toBeCloseTo((4.3027 * 0.03) / Math.sqrt(3), 5);
    expect(overall.before.high - 0.5).toBeCloseTo((4.3027 * 0.02) / Math.sqrt(3), 5);
    // The detectable effect also adds the quantile for 80 % power, 1.0607.
    expect(overall.detectable).toBeCloseTo(((4.3027 + 1.0607) * 0.03) / Math.sqrt(3), 5);
    expect(Object.keys(byDomain)).toEqual(['math', 'code']);
    expect(steps).toEqual({ before: [4, 4], after: [4, 4] });
    expect(curves.after[1]).toEqual({ seed: 2, steps: [0, 1, 2, 3, 4], values: expect.any(Array) });
  });

  test('computes the cost of reaching the baseline’s final accuracy on both sides, over moving averages', async () => {
    const { suites } = await compareSeeds(side('uniform'), side('auto'));
    // The mean of the last three baselines is 0.40; auto is above it after one step.
    expect(suites[0]!.overall.speed).toEqual({
      seeds: 3,
      reached: 3,
      steps: { before: 4, after: 1, ratio: 4 },
      rollouts: { before: 400, after: 100, ratio: 4 },
      tokens: { before: 4000, after: 1000, ratio: 4 },
    });
    const back = await compareSeeds(side('auto'), side('uniform'));
    expect(back.suites[0]!.overall.speed).toMatchObject({
      reached: 0,
      steps: { before: 4, after: null, ratio: null },
    });
  });

  test('splits runs by recipe when no sides are given', async () => {
    const mixed = at('uniform-0002', 'auto-0001', 'uniform-0001', 'auto-0003', 'auto-0002', 'uniform-0003');
    expect(await compareSeeds(mixed)).toEqual(await compareSeeds(side('uniform'), side('auto')));
  });

  test('omits runs without a partner, with a warning', async () => {
    const { seeds, warnings } = await compareSeeds([...side('uniform'), ...at('lonely-0001')], side('auto'));
    expect(seeds).toEqual([1, 2, 3]);
    expect(warnings).toEqual([
      expect.stringMatching(/lonely-0001 is omitted, because .* no run with seed 4$/u),
    ]);
  });

  test.each([
    ['one recipe', () => compareSeeds(side('uniform')), 'runs of two recipes'],
    ['three recipes', () => compareSeeds([...side('uniform'), ...side('auto'), ...side('other')]), 'got 3'],
    [
      'a side of two recipes',
      () => compareSeeds([...side('uniform'), ...side('other')], side('auto')),
      'differ in sampler',
    ],
    [
      'a seed twice on a side',
      () => compareSeeds([...side('uniform'), ...at('uniform-0001')], side('auto')),
      'with seed 1',
    ],
    ['a run on both sides', () => compareSeeds(side('uniform'), side('uniform')), 'on both'],
    ['one common seed', () => compareSeeds(at('uniform-0001'), side('auto')), 'at least two seeds'],
    ['an unknown suite', () => compareSeeds(side('uniform'), side('auto'), 'aime'), 'the suite "aime"'],
  ])('rejects %s', async (_, compare, message) => {
    await expect(compare()).rejects.toThrow(message);
  });

  test('uses the problems judged in all runs, and warns about the others and about settings', async () => {
    const changes = {
      problems: [...problems(30).slice(1), ...problems(30, 'q')],
      sampling: { rollouts: 5 },
    };
    for (const seed of [1, 2, 3]) await record({ ...auto(seed, [10, 30]), name: 'shifted', changes });
    const { suites } = await compareSeeds(side('uniform'), side('shifted'));
    expect(suites[0]!.overall.problems).toBe(9);
    expect(suites[0]!.warnings).toEqual([
      'sampled differently (rollouts, temperature or limits)',
      'only 9 of 19 problems were judged in all runs',
    ]);
    expect(suites[0]!.overall).not.toHaveProperty('speed');
    const foreign = { problems: problems(30, 'q') };
    for (const seed of [1, 2]) await record({ ...auto(seed, [10, 30]), name: 'foreign', changes: foreign });
    await expect(compareSeeds(side('uniform'), side('foreign'))).rejects.toThrow('got none of 10');
  });

  test('warns if an interval has zero width, and if runs are not finished', async () => {
    for (const seed of [1, 2]) await record({ ...auto(seed, [10, 30]), name: 'low', sampler: 'ucb' });
    for (const seed of [1, 2]) await record({ ...auto(seed, [10, 40]), name: 'high', end: 'failed' });
    const { suites, warnings } = await compareSeeds(side('low'), side('high'));
    expect(suites[0]!.overall.difference.high).toBe(suites[0]!.overall.difference.low);
    expect(suites[0]!.warnings).toEqual([expect.stringContaining('has no width')]);
    expect(warnings).toEqual([
      expect.stringMatching(/high-0001 is failed at step 1$/u),
      expect.stringMatching(/high-0002 is failed at step 1$/u),
    ]);
  });

  test('formats tables for the terminal', async () => {
    const text = formatSeeds(await compareSeeds(side('uniform'), side('auto')));
    expect(text.split('\n').slice(4)).toEqual([
      'held-out, 10 rollouts per problem, seeds 1, 2, 3: after 4 steps → after 4 steps',
      '      problems             before              after  change  95 % interval  detectable',
      'all         10  50.0 [45.0, 55.0]  60.0 [57.5, 62.5]   +10.0   +2.5 … +17.5         9.3',
      'math         5  51.3 [45.6, 57.1]  60.7 [57.8, 63.5]    +9.3   +1.7 … +16.9         9.5',
      'code         5  48.7 [42.9, 54.4]  59.3 [56.5, 62.2]   +10.7   +3.1 … +18.3         9.5',
      '',
      "to the end of 'before'   seeds           steps            rollouts                tokens",
      'all                     3 of 3  4 → 1 (4.00 ×)  400 → 100 (4.00 ×)  4000 → 1000 (4.00 ×)',
      'math                    3 of 3  4 → 1 (4.00 ×)  400 → 100 (4.00 ×)  4000 → 1000 (4.00 ×)',
      'code                    3 of 3  4 → 1 (4.00 ×)  400 → 100 (4.00 ×)  4000 → 1000 (4.00 ×)',
      '',
      'detectable: the smallest true change, in points, that this comparison finds with 80 % power',
    ]);
  });
});

test('a side compared with itself differs by exactly 0', async () => {
  const [uniform1] = at('uniform-0001');
  const { suites } = await compareRuns(uniform1!, uniform1!);
  expect(suites[0]!.overall.difference).toEqual({ mean: 0, low: 0, high: 0 });
  expect(suites[0]!.byDomain['math']!.difference).toEqual({ mean: 0, low: 0, high: 0 });
});

test('finds runs by directory, name and pattern', () => {
  expect(findRuns(at('uniform-0001'))).toEqual(at('uniform-0001'));
  expect(findRuns(at('uniform'))).toEqual(at('uniform-0001', 'uniform-0002', 'uniform-0003'));
  expect(findRuns(at('*-0004', 'auto-000?').slice(1))).toEqual(at('auto-0001', 'auto-0002', 'auto-0003'));
  expect(findRuns(at('auto-0001', 'auto'))).toEqual(at('auto-0001', 'auto-0002', 'auto-0003'));
  expect(findRuns(at('none'))).toEqual(at('none'));
  expect(() => findRuns(at('none-*'))).toThrow('matches run directories');
});

test('the interval over seeds is the t-interval of the differences of means', () => {
  const correct = fc.integer({ min: 0, max: 100 });
  fc.assert(
    fc.property(fc.array(fc.tuple(correct, correct), { minLength: 2, maxLength: 8 }), (pairs) => {
      const over = differenceOverSeeds(
        pairs.map(([before, after], seed) => ({ seed, before: problems(before), after: problems(after) })),
      );
      const differences = pairs.map(([before, after]) => (after - before) / 100);
      const expected = tInterval(differences);
      expect(over.difference.mean).toBeCloseTo(expected.mean, 9);
      expect(over.difference.low).toBeCloseTo(expected.low, 9);
      expect(over.difference.high).toBeCloseTo(expected.high, 9);
      // The detectable effect is larger than half the interval because of the power term.
      const half = (expected.high - expected.low) / 2;
      expect(over.detectable).toBeGreaterThanOrEqual(half);
    }),
  );
});

test('the speed of equal curves is 1, and swapping the sides of a pair inverts it', () => {
  const curve = (values: readonly number[], every: number): CurvePoint[] =>
    values.map((overall, i) => {
      const step = i * every;
      return { step, trained: step, rollouts: 8 * step, tokens: 80 * step, overall, byDomain: {} };
    });
  const rising = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 20 });
  const accuracyOf = ({ overall }: CurvePoint) => overall;
  fc.assert(
    fc.property(fc.array(rising, { minLength: 1, maxLength: 5 }), (curves) => {
      const same = curves.map((values) => [curve(values, 2), curve(values, 2)] as const);
      expect(speedToEnd(same, accuracyOf)).toMatchObject({ reached: curves.length, steps: { ratio: 1 } });
      const faster = curves.map((values) => [curve(values, 2), curve(values, 1)] as const);
      expect(speedToEnd(faster, accuracyOf)).toMatchObject({ rollouts: { ratio: 2 }, tokens: { ratio: 2 } });
    }),
  );
  expect(speedToEnd([[curve([0.1, 0.2], 1), curve([0.1, 0.2], 1)]], accuracyOf)).toBeUndefined();
});
