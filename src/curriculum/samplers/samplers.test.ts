import { expect, test } from 'vitest';
import { ConfigError } from '../../core/errors.ts';
import { createSampler, samplerConfig } from './create-sampler.ts';
import { e2h, e2hConfig, e2hShares } from './e2h.ts';
import { levelWeighted } from './level-weighted.ts';
import { createMixedSampler } from './mixed.ts';
import { prioritised } from './prioritised.ts';
import type { PoolProblem, ProblemOutcome, ProblemSampler } from './problem-sampler.ts';
import { targetDifficulty } from './target-difficulty.ts';
import { ucb } from './ucb.ts';

/** Returns `size` problems of one level, measured with 8 trials. */
const problems = (level: string, size: number, successes = 4, domain = 'math'): PoolProblem[] =>
  Array.from({ length: size }, (_, i) => ({
    id: `${domain}/${level}/${i}`,
    domain,
    levels: [level],
    measured: { successes, trials: 8 },
  }));
const outcome = (
  problemId: string,
  successes: number,
  trials: number,
  meanAbsAdvantage: number,
): ProblemOutcome => {
  const verdicts = {
    correct: successes,
    incorrect: trials - successes,
    unparsed: 0,
    timeout: 0,
    ungradable: 0,
  };
  return { problemId, successes, trials, meanAbsAdvantage, verdicts, truncated: 0, tokens: trials };
};
const build = (config: Parameters<typeof samplerConfig.parse>[0], pool: PoolProblem[]): ProblemSampler =>
  createSampler(samplerConfig.parse(config), pool, 11, 8);
const countLevel = (ids: string[], level: string): number =>
  ids.filter((id) => id.includes(`/${level}/`)).length;

test('level-weighted: shares are exact over time, and other levels fill in for a small one', () => {
  const pool = [...problems('easy', 20), ...problems('hard', 40)];
  const sampler = build(levelWeighted({ weights: { easy: 1, hard: 2 } }), pool);
  const ids = Array.from({ length: 9 }, (_, step) => sampler.choose(5, step)).flat();
  expect([countLevel(ids, 'easy'), countLevel(ids, 'hard')]).toEqual([15, 30]);
  const tight = build(levelWeighted({ weights: { easy: 1, hard: 1 } }), [
    ...problems('easy', 2),
    ...problems('hard', 20),
  ]);
  expect(countLevel(tight.choose(10, 0), 'hard')).toBe(8);
});

test('an empty level causes an error that lists the existing levels', () => {
  const create = (): ProblemSampler => build(levelWeighted({ weights: { esay: 1 } }), problems('easy', 3));
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(/"esay".*found none.*easy/);
});

test('prioritised: picks each problem first with probability proportional to 1 − passRate', () => {
  const pool = [...problems('rare', 1, 2), ...problems('often', 1, 6), ...problems('always', 1, 8)];
  let rare = 0;
  const sampler = build(prioritised(), pool);
  for (let step = 0; step < 4000; step++) rare += countLevel(sampler.choose(1, step), 'rare');
  expect(rare / 4000).toBeCloseTo(0.75, 1);
  expect(countLevel(sampler.choose(2, 0), 'always')).toBe(0);
  expect(countLevel(sampler.choose(3, 0), 'always')).toBe(1);
});

test('prioritised: solved problems are drawn less often, discounted by memory', () => {
  const pool = [...problems('a', 1, 0), ...problems('b', 1, 0)];
  const sampler = build(prioritised({ memory: 0 }), pool);
  sampler.observe([outcome('math/a/0', 8, 8, 0)]);
  const first = Array.from({ length: 50 }, (_, step) => sampler.choose(1, step)).flat();
  expect(countLevel(first, 'b')).toBe(50);
  expect(sampler.metrics()['passRate']).toBeCloseTo(0.5);
});

test('target-difficulty: starts with the easiest problems, follows AdaRFT’s update, and stays constant at the goal', () => {
  const pool = [...problems('hard', 4, 0), ...problems('medium', 4, 4), ...problems('easy', 4, 8)];
  const sampler = build(targetDifficulty(), pool);
  const batch = sampler.choose(4, 0);
  expect(countLevel(batch, 'easy')).toBe(4);
  sampler.observe(batch.map((problemId) => outcome(problemId, 6, 8, 0.5)));
  const target = 1 - 0.5 * Math.tanh(2 * (0.75 - 0.5));
  expect(sampler.metrics()['target']).toBeCloseTo(target, 12);
  sampler.observe([outcome(batch[0]!, 1, 2, 1)]);
  expect(sampler.metrics()['target']).toBeCloseTo(target, 12);
  expect(countLevel(sampler.choose(4, 1), 'medium')).toBe(4);
});

test('ucb: the level with the larger |advantage| is drawn more often, and exploration keeps every level', () => {
  const pool = [...problems('solved', 200), ...problems('mixed', 200)];
  const sampler = build(ucb(), pool);
  const late: string[] = [];
  for (let step = 0; step < 60; step++) {
    const ids = sampler.choose(8, step);
    sampler.observe(ids.map((id) => outcome(id, 4, 8, id.includes('/mixed/') ? 0.9 : 0)));
    if (step >= 40) late.push(...ids);
  }
  expect(countLevel(late, 'mixed') / late.length).toBeGreaterThan(0.8);
  expect(countLevel(late, 'solved')).toBeGreaterThan(0);
});

test('ucb with a learning rate: values follow TD(0), and shares are their softmax', () => {
  const sampler = build(ucb({ learningRate: 0.5, exploration: 0 }), [
    ...problems('a', 2),
    ...problems('b', 2),
  ]);
  const group = outcome('math/a/0', 1, 2, 0.2);
  sampler.observe([group, group]);
  expect(sampler.metrics()['advantage/a']).toBeCloseTo(0.15, 12);
  expect(sampler.metrics()['share/a']).toBeCloseTo(1 / (1 + Math.exp(-1.5)), 12);
});

test('e2h: schedules move from the easiest to the hardest level', () => {
  const shares = (schedule: 'classic' | 'balanced' | 'cosine' | 'gaussian', step: number): number[] =>
    e2hShares(e2hConfig.parse(e2h({ schedule, levels: ['a', 'b', 'c'], steps: 90 })), step);
  expect([0, 30, 60, 90, 500].map((step) => shares('classic', step).indexOf(1))).toEqual([0, 1, 2, 2, 2]);
  expect(shares('balanced', 50)).toEqual([1 / 3, 1 / 3, 1 / 3]);
  expect(shares('cosine', 0)).toEqual([2 / 3, 1 / 3, 0]);
  expect(shares('cosine', 90)[2]).toBeCloseTo(2 / 3, 12);
  const [first, second] = shares('gaussian', 0) as [number, number];
  expect(second / first).toBeCloseTo(Math.exp(-2), 12);
  expect(shares('gaussian', 90)[2]).toBeCloseTo(first, 12);
});

test('mix: domains keep their shares, and an unknown domain is rejected', () => {
  const pool = [...problems('x', 40, 4, 'math'), ...problems('x', 40, 4, 'code')];
  const sampler = createMixedSampler({ math: 2, code: 1 }, { type: 'uniform' }, pool, 3, 8);
  const ids = Array.from({ length: 6 }, (_, step) => sampler.choose(5, step)).flat();
  expect(ids.filter((id) => id.startsWith('math')).length).toBe(20);
  const create = (): ProblemSampler => createMixedSampler({ chemistry: 1 }, { type: 'uniform' }, pool, 3, 8);
  expect(create).toThrow(/"chemistry".*math, code/);
});
