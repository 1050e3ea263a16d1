import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataError, RunError } from '../../src/core/errors.ts';
import { createSampler, samplerConfig } from '../../src/curriculum/samplers/create-sampler.ts';
import { auto } from '../../src/curriculum/samplers/auto.ts';
import { e2h } from '../../src/curriculum/samplers/e2h.ts';
import { levelWeighted } from '../../src/curriculum/samplers/level-weighted.ts';
import { prioritised } from '../../src/curriculum/samplers/prioritised.ts';
import type {
  PoolProblem,
  ProblemOutcome,
  ProblemSampler,
} from '../../src/curriculum/samplers/problem-sampler.ts';
import { createStageSampler } from '../../src/curriculum/samplers/stage-sampler.ts';
import { targetDifficulty } from '../../src/curriculum/samplers/target-difficulty.ts';
import { thompsonLiveShare } from '../../src/curriculum/samplers/thompson-live-share.ts';
import { thompsonPassRate } from '../../src/curriculum/samplers/thompson-pass-rate.ts';
import { ucb } from '../../src/curriculum/samplers/ucb.ts';
import { uniform } from '../../src/curriculum/samplers/uniform.ts';

/** Creates the sampler under test. */
type Make = (pool: readonly PoolProblem[], seed: number) => ProblemSampler;
const plain =
  (input: Parameters<typeof samplerConfig.parse>[0]): Make =>
  (pool, seed) =>
    createSampler(samplerConfig.parse(input), pool, seed, 4);

const levels = ['easy', 'hard'];
const samplers: { name: string; make: Make; coversPool: boolean }[] = [
  { name: 'uniform', make: plain(uniform()), coversPool: true },
  {
    name: 'level-weighted',
    make: plain(levelWeighted({ weights: { easy: 1, hard: 2 } })),
    coversPool: false,
  },
  { name: 'prioritised', make: plain(prioritised()), coversPool: false },
  { name: 'target-difficulty', make: plain(targetDifficulty()), coversPool: true },
  { name: 'ucb', make: plain(ucb({ window: 5 })), coversPool: false },
  { name: 'ucb td', make: plain(ucb({ learningRate: 0.5, exploration: 0 })), coversPool: false },
  ...(['classic', 'balanced', 'cosine', 'gaussian'] as const).map((schedule) => ({
    name: `e2h ${schedule}`,
    make: plain(e2h({ schedule, levels, steps: 6 })),
    coversPool: false,
  })),
  { name: 'thompson-pass-rate', make: plain(thompsonPassRate({ candidates: 2 })), coversPool: false },
  { name: 'thompson-live-share', make: plain(thompsonLiveShare()), coversPool: false },
  { name: 'auto', make: plain(auto()), coversPool: false },
  { name: 'auto without shared evidence', make: plain(auto({ shareEvidence: false })), coversPool: false },
  { name: 'auto, all uniform', make: plain(auto({ uniformShare: 1 })), coversPool: true },
  {
    name: 'mixed uniform',
    make: (pool, seed) =>
      createStageSampler(
        {
          name: 'joint',
          mix: pool.some(({ domain }) => domain === 'code') ? { math: 2, code: 1 } : { math: 1 },
          sampler: { type: 'uniform' },
        },
        pool,
        seed,
        4,
      ),
    coversPool: false,
  },
];

/** Makes a pool in which problems 0 and 1 ensure that both levels exist; only problem 0 is in both. */
const poolOf = (size: number): PoolProblem[] =>
  Array.from({ length: size }, (_, i) => ({
    id: `p${i}`,
    domain: i % 3 === 2 ? 'code' : 'math',
    levels: i === 0 ? levels : [levels[i % 2]!],
    source: i % 4 === 0 ? 'a.jsonl' : 'generated',
    ...(i % 4 !== 0 && { family: `family-${i % 3}`, knob: 1 + (i % 2) }),
    measured: { successes: i % 5, trials: i % 7 === 0 ? 0 : 4 },
  }));

const outcomeOf = (problemId: string, step: number): ProblemOutcome => {
  const number = problemId.charCodeAt(problemId.length - 1) + step;
  const successes = number % 5;
  const unparsed = Math.min(4 - successes, number % 2);
  return {
    problemId,
    successes,
    trials: 4,
    meanAbsAdvantage: successes / 4,
    verdicts: {
      correct: successes,
      incorrect: 4 - successes - unparsed,
      unparsed,
      timeout: 0,
      ungradable: number % 3,
    },
    truncated: unparsed * (number % 2),
    tokens: 10 * number,
  };
};

/** Returns the outcome of a group whose attempts could not be judged. */
const ungradable = (problemId: string): ProblemOutcome => ({
  problemId,
  successes: 0,
  trials: 0,
  meanAbsAdvantage: 0,
  verdicts: { correct: 0, incorrect: 0, unparsed: 0, timeout: 0, ungradable: 4 },
  truncated: 0,
  tokens: 40,
});

/** Runs steps and reports each batch's outcome to the sampler; returns the batches. */
function play(sampler: ProblemSampler, from: number, to: number, count: number): string[][] {
  const batches: string[][] = [];
  for (let step = from; step < to; step++) {
    const batch = sampler.choose(count, step);
    sampler.observe([...batch, 'of-another-stage'].map((id) => outcomeOf(id, step)));
    batches.push(batch);
  }
  return batches;
}

const shape = fc.record({
  size: fc.integer({ min: 1, max: 30 }),
  seed: fc.integer(),
  count: fc.integer({ min: 1, max: 12 }),
});

describe.each(samplers)('$name', ({ make }) => {
  test('chooses distinct problems of its pool: as many as requested, or all', () => {
    fc.assert(
      fc.property(shape, ({ size, seed, count }) => {
        const ids = new Set(poolOf(size).map(({ id }) => id));
        for (const batch of play(make(poolOf(size), seed), 0, 6, count)) {
          expect(new Set(batch).size).toBe(batch.length);
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(count);
          for (const id of batch) expect(ids).toContain(id);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('learns nothing from groups without trials', () => {
    fc.assert(
      fc.property(shape, ({ size, seed, count }) => {
        const [told, untold] = [make(poolOf(size), seed), make(poolOf(size), seed)];
        for (const sampler of [told, untold]) play(sampler, 0, 3, count);
        told.observe(poolOf(size).map(({ id }) => ungradable(id)));
        untold.observe([]);
        expect(told.metrics()).toEqual(untold.metrics());
        expect(told.choose(count, 3)).toEqual(untold.choose(count, 3));
      }),
      { numRuns: 20 },
    );
  });

  test('repeats its choices for the same pool, seed and observations, and differs for a different seed', () => {
    fc.assert(
      fc.property(shape, ({ size, seed, count }) => {
        expect(play(make(poolOf(size), seed), 0, 5, count)).toEqual(
          play(make(poolOf(size), seed), 0, 5, count),
        );
      }),
      { numRuns: 20 },
    );
    expect(play(make(poolOf(30), 1), 0, 5, 8)).not.toEqual(play(make(poolOf(30), 2), 0, 5, 8));
  });

  test('continues after save and restore at any step as if never interrupted', () => {
    fc.assert(
      fc.property(shape, fc.integer({ min: 0, max: 7 }), ({ size, seed, count }, stop) => {
        const whole = make(poolOf(size), seed);
        const batches = play(whole, 0, 8, count);
        const first = make(poolOf(size), seed);
        play(first, 0, stop, count);
        const stopped = first.save();
        first.choose(count, stop);
        const second = make(poolOf(size), seed);
        second.restore(JSON.parse(JSON.stringify(stopped)));
        expect(play(second, stop, 8, count)).toEqual(batches.slice(stop));
        expect(second.save()).toEqual(whole.save());
        expect(second.metrics()).toEqual(whole.metrics());
      }),
      { numRuns: 40 },
    );
  });

  test('excludes from a refill the problems that the step has already rolled out', () => {
    fc.assert(
      fc.property(shape, ({ size, seed, count }) => {
        const sampler = make(poolOf(size), seed);
        for (let step = 0; step < 4; step++) {
          const first = sampler.choose(count, step);
          const more = sampler.choose(count, step, new Set(first));
          expect(more.filter((id) => first.includes(id))).toEqual([]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('reports finite metrics, before and after observing', () => {
    const sampler = make(poolOf(9), 3);
    expect(Object.keys(sampler.metrics()).length).toBeGreaterThan(0);
    expect(Object.values(sampler.metrics()).every(Number.isFinite)).toBe(true);
    play(sampler, 0, 10, 4);
    expect(Object.values(sampler.metrics()).every(Number.isFinite)).toBe(true);
  });

  test('rejects a foreign state, an empty pool and a duplicate id', () => {
    expect(() => make(poolOf(3), 1).restore({ unknown: 1 })).toThrow(RunError);
    expect(() => make([], 1)).toThrow(/expected at least one problem|found none/);
    expect(() => make([...poolOf(3), poolOf(3)[0]!], 1)).toThrow(DataError);
  });
});

describe.each(samplers.filter(({ coversPool }) => coversPool))('$name', ({ make }) => {
  test('covers the pool in an epoch, each problem once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 }), (count, batches) => {
        const pool = poolOf(count * batches);
        const sampler = make(pool, 5);
        for (let epoch = 0; epoch < 3; epoch++) {
          const ids = play(sampler, epoch * batches, (epoch + 1) * batches, count).flat();
          expect(ids.toSorted()).toEqual(pool.map(({ id }) => id).toSorted());
        }
      }),
      { numRuns: 30 },
    );
  });
});
