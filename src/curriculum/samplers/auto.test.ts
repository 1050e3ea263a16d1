import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { auto } from './auto.ts';
import { createSampler, samplerConfig } from './create-sampler.ts';
import { createMixedSampler } from './mixed.ts';
import type { PoolProblem, ProblemOutcome, ProblemSampler } from './problem-sampler.ts';

const groupSize = 8;

/** Returns `size` problems of one family and knob. */
const problems = (family: string, size: number, knob = 1, domain = 'math'): PoolProblem[] =>
  Array.from({ length: size }, (_, i) => ({
    id: `${domain}/${family}/${knob}/${i}`,
    domain,
    levels: [],
    measured: { successes: 0, trials: 0 },
    family,
    knob,
    source: 'generated',
  }));

const build = (pool: readonly PoolProblem[], options: Parameters<typeof auto>[0] = {}): ProblemSampler =>
  createSampler(samplerConfig.parse(auto(options)), pool, 3, groupSize);

/**
 * Draws the outcome of a group whose rollouts are correct, unparsed (truncated or not) or incorrect with
 * these probabilities.
 */
function groupOf(
  problemId: string,
  { passRate = 0, unparsed = 0, isTruncated = false, tokens = 10 },
  random: { next(): number },
): ProblemOutcome {
  const verdicts = { correct: 0, incorrect: 0, unparsed: 0, timeout: 0, ungradable: 0 };
  for (let i = 0; i < groupSize; i++) {
    const u = random.next();
    verdicts[u < passRate ? 'correct' : u < passRate + unparsed ? 'unparsed' : 'incorrect']++;
  }
  const successes = verdicts.correct;
  const isLive = successes > 0 && successes < groupSize;
  const truncated = isTruncated ? verdicts.unparsed : 0;
  const counts = { successes, trials: groupSize, verdicts, truncated, tokens: groupSize * tokens };
  return { problemId, meanAbsAdvantage: isLive ? 0.8 : 0, ...counts };
}

type World = (
  id: string,
  step: number,
) => { passRate?: number; unparsed?: number; isTruncated?: boolean; tokens?: number };

/** Simulates training for some steps with 32 groups each; returns the batches. */
function train(sampler: ProblemSampler, world: World, steps: number, from = 0): string[][] {
  const random = createRng(9, 'world', from);
  return Array.from({ length: steps }, (_, i) => {
    const batch = sampler.choose(32, from + i);
    sampler.observe(batch.map((id) => groupOf(id, world(id, from + i), random)));
    return batch;
  });
}

const shareOf = (batches: readonly string[][], isCounted: (id: string) => boolean): number =>
  batches.flat().filter(isCounted).length / batches.flat().length;

test('finds the 5 % of a pool that are within reach if they form separate cells', () => {
  const pool = [
    ...problems('a', 50, 1),
    ...problems('a', 450, 6),
    ...problems('b', 500, 5),
    ...problems('c', 500, 6),
  ];
  const isLive = (id: string): boolean => id.startsWith('math/a/1/');
  const sampler = build(pool);
  const batches = train(sampler, (id) => ({ passRate: isLive(id) ? 0.4 : 0 }), 60);
  expect(shareOf(batches.slice(10), isLive)).toBeGreaterThan(0.6);
  expect(shareOf(batches.slice(40), isLive)).toBeGreaterThan(0.6);
  const metrics = sampler.metrics();
  expect(metrics['liveUniform/high']).toBeLessThan(0.15);
  expect(metrics['liveSelected/low']).toBeGreaterThan(0.5);
  expect(metrics['uniformShare']).toBe(0.2);
});

test('finds single problems within reach by their own evidence if their cells also contain others', () => {
  const pool = problems('a', 320);
  const isLive = (id: string): boolean => Number(id.split('/')[3]) % 20 === 0;
  const batches = train(build(pool), (id) => ({ passRate: isLive(id) ? 0.5 : 0 }), 60);
  expect(shareOf(batches.slice(30), isLive)).toBeGreaterThan(4 * 0.05);
});

test('brakes a source with random verdicts, but not a source on which the policy improves', () => {
  const pool = [...problems('coin', 300), ...problems('skill', 300)];
  const sampler = build(pool);
  const world: World = (id, step) => ({
    passRate: id.includes('/coin/') ? 0.5 : Math.min(0.9, 0.1 + 0.01 * step),
  });
  const batches = train(sampler, world, 80);
  const metrics = sampler.metrics();
  expect(metrics['brake/coin']).toBeLessThan(0.3);
  expect(metrics['brake/skill']).toBeGreaterThan(0.6);
  expect(shareOf(batches.slice(40, 60), (id) => id.includes('/coin/'))).toBeLessThan(0.25);
});

/**
 * Simulates 40 steps in which a share of the rollouts for a third of the pool has a wrong format; returns the batches
 * from step 15 on.
 */
function trainWithFormat(unparsedAt: (step: number) => number, isTruncated = false): string[][] {
  const pool = [...problems('format', 200), ...problems('hard', 200), ...problems('easy', 200)];
  const world: World = (id, step) => {
    if (!id.includes('/format/')) return { passRate: id.includes('/hard/') ? 0.02 : 0.6 };
    const unparsed = unparsedAt(step);
    return { passRate: (1 - unparsed) / 2, unparsed, isTruncated };
  };
  return train(build(pool), world, 40).slice(15);
}
const isFormat = (id: string): boolean => id.includes('/format/');

test('draws a family with format errors at least in proportion to its share of the pool', () => {
  const share = shareOf(
    trainWithFormat(() => 0.96),
    isFormat,
  );
  expect(share).toBeGreaterThan(0.3);
  expect(share).toBeLessThan(0.5);
});

test('draws a family more often while its format is being learnt', () => {
  const learnt = trainWithFormat((step) => Math.max(0.55, 0.96 - 0.01 * step));
  expect(shareOf(learnt, isFormat)).toBeGreaterThan(0.5);
});

test('counts truncated unparsed rollouts as failed attempts, not as format errors', () => {
  expect(
    shareOf(
      trainWithFormat(() => 0.99, true),
      isFormat,
    ),
  ).toBeLessThan(0.15);
});

test('reports the share of problems whose format is wrong', () => {
  const pool = [...problems('format', 100), ...problems('easy', 300)];
  const sampler = build(pool);
  train(sampler, (id) => (isFormat(id) ? { unparsed: 0.9 } : { passRate: 0.5 }), 10);
  expect(sampler.metrics()['misformatted']).toBe(0.25);
});

test('draws the first batch uniformly if the pool is unmeasured', () => {
  const pool = problems('a', 60);
  const [first, second] = [build(pool), build(pool, { uniformShare: 1 })];
  expect(first.metrics()['uniformShare']).toBe(1);
  expect(first.choose(32, 0)).toEqual(second.choose(32, 0));
});

test('draws nearly all problems uniformly if none has a signal', () => {
  const sampler = build([...problems('a', 200), ...problems('b', 200, 2)]);
  train(sampler, () => ({ passRate: 0 }), 30);
  expect(sampler.metrics()['uniformShare']).toBe(0.9);
  expect(sampler.metrics()['liveUniform']).toBe(0);
});

test('resumes selection once problems come within reach', () => {
  const pool = [...problems('a', 200), ...problems('b', 200)];
  const sampler = build(pool);
  train(sampler, () => ({ passRate: 0 }), 30);
  const world: World = (id, step) => ({
    passRate: id.includes('/b/') ? Math.min(0.8, 0.01 * (step - 30)) : 0,
  });
  const batches = train(sampler, world, 80, 30);
  expect(sampler.metrics()['uniformShare']).toBe(0.2);
  expect(shareOf(batches.slice(60), (id) => id.includes('/b/'))).toBeGreaterThan(0.75);
});

test('follows the edge of competence from easy to hard knobs', () => {
  const pool = [1, 2, 3, 4, 5].flatMap((knob) => problems('a', 200, knob));
  const world: World = (id, step) => ({
    passRate: 1 / (1 + Math.exp(2 * (Number(id.split('/')[2]) - 0.5 - step / 25))),
  });
  const batches = train(build(pool), world, 110);
  const meanKnob = (from: number): number => {
    const ids = batches.slice(from, from + 15).flat();
    return ids.reduce((sum, id) => sum + Number(id.split('/')[2]), 0) / ids.length;
  };
  expect(meanKnob(5)).toBeLessThan(2);
  expect(meanKnob(95)).toBeGreaterThan(meanKnob(5) + 1.5);
});

test('prefers short rollouts among problems with equal live probability', () => {
  const pool = [...problems('long', 300), ...problems('short', 300)];
  const world: World = (id) => ({ passRate: 0.4, tokens: id.includes('/long/') ? 400 : 100 });
  const withCost = train(build(pool, { brake: 0, tokenCost: 1 }), world, 20).slice(5);
  const without = train(build(pool, { brake: 0, tokenCost: 0 }), world, 20).slice(5);
  const isShort = (id: string): boolean => id.includes('/short/');
  expect(shareOf(withCost, isShort)).toBeGreaterThan(0.7);
  expect(Math.abs(shareOf(without, isShort) - 0.5)).toBeLessThan(0.1);
});

test('uses the pass rates measured before the stage', () => {
  const measure = (pool: PoolProblem[], successes: number): PoolProblem[] =>
    pool.map((problem) => ({ ...problem, measured: { successes, trials: 8 } }));
  const pool = [...measure(problems('solved', 100), 8), ...measure(problems('mixed', 100), 4)];
  const first = Array.from({ length: 10 }, () => build(pool).choose(20, 0));
  expect(shareOf(first, (id) => id.includes('/mixed/'))).toBeGreaterThan(0.8);
});

test('ignores ungradable rollouts', () => {
  const sampler = build(problems('a', 40));
  const before = sampler.metrics();
  sampler.observe([
    {
      problemId: 'math/a/1/0',
      successes: 0,
      trials: 0,
      meanAbsAdvantage: 0,
      verdicts: { correct: 0, incorrect: 0, unparsed: 0, timeout: 0, ungradable: 8 },
      truncated: 0,
      tokens: 80,
    },
  ]);
  expect(sampler.metrics()).toEqual(before);
});

test('draws the uniform share exactly over time, and each problem once per epoch', () => {
  const pool = problems('a', 60);
  const sampler = build(pool, { uniformShare: 1 });
  const ids = train(sampler, () => ({ passRate: 0.5 }), 15).flat();
  const counts = Map.groupBy(ids, (id) => id);
  expect([...counts.values()].every(({ length }) => length === 8)).toBe(true);
});

test('in a mix, reports live shares for each domain', () => {
  const pool = [...problems('a', 40), ...problems('f', 40, 1, 'code')];
  const config = samplerConfig.parse(auto());
  const sampler = createMixedSampler({ math: 1, code: 1 }, config, pool, 3, groupSize);
  train(sampler, (id) => ({ passRate: id.startsWith('math') ? 0.5 : 0 }), 10);
  const metrics = sampler.metrics();
  expect(metrics['math/liveUniform']).toBeGreaterThan(0.8);
  expect(metrics['code/liveUniform']).toBe(0);
});

test('rejects a state saved for a different pool', () => {
  const state = build(problems('a', 40)).save();
  expect(() => build(problems('a', 41)).restore(state)).toThrow(/41 problems.*got 40 problems/);
  expect(() => build([...problems('a', 20), ...problems('b', 20)]).restore(state)).toThrow(
    /2 cells.*1 cells/,
  );
});

test('draws nearly all problems uniformly if most of the pool is already live', () => {
  const pool = [...problems('a', 300), ...problems('b', 300), ...problems('c', 300)];
  const world: World = (id) => ({ passRate: id.includes('/a/') ? 0.15 : 0.4 });
  const sampler = build(pool, { brake: 0 });
  train(sampler, world, 40);
  expect(sampler.metrics()['liveUniform']).toBeGreaterThan(0.7);
  expect(sampler.metrics()['uniformShare']).toBe(0.9);
});

test('fills the batch and reports finite metrics even if every weight underflows', () => {
  const sampler = build(problems('a', 40), { sharpness: 500 });
  train(sampler, () => ({ passRate: 0 }), 30);
  expect(sampler.choose(32, 30)).toHaveLength(32);
  expect(Object.values(sampler.metrics()).filter((value) => !Number.isFinite(value))).toEqual([]);
});
