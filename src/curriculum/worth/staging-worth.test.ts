import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng, type Rng } from '../../core/rng.ts';
import { wilsonInterval } from '../../statistics/intervals.ts';
import { noiseParts } from './critical-batch.ts';
import { createLiveShares, liveProbability, type PooledTrials, unbiasedLive } from './live-share.ts';
import { selectedShare } from './selected-share.ts';
import { describeWorth, worthVerdict } from './describe-worth.ts';
import {
  measuredWorth,
  reachableShare,
  speedup,
  stagingWorth,
  type StagingWorth,
  type TrainingSize,
} from './staging-worth.ts';

const share = fc.double({ min: 0.01, max: 1, noNaN: true });

test('liveProbability is symmetric, largest at one half, and matches the table for G = 8', () => {
  for (const [p, q] of [
    [0.01, 0.08],
    [0.05, 0.34],
    [0.2, 0.83],
    [0.5, 0.99],
  ] as const) {
    expect(liveProbability(p, 8)).toBeCloseTo(q, 2);
    expect(liveProbability(1 - p, 8)).toBeCloseTo(q, 2);
  }
});

test('the mean of unbiasedLive is liveProbability', () => {
  fc.assert(
    fc.property(share, fc.integer({ min: 2, max: 8 }), fc.integer({ min: 0, max: 8 }), (p, group, more) => {
      const trials = group + more;
      let [expected, ways] = [0, 1];
      for (let s = 0; s <= trials; s++) {
        expected += ways * p ** s * (1 - p) ** (trials - s) * unbiasedLive({ successes: s, trials }, group);
        ways *= (trials - s) / (s + 1);
      }
      expect(expected).toBeCloseTo(liveProbability(p, group), 9);
    }),
  );
});

test('selectedShare is a mean of its values, grows with the exponent, and equals the uniform share if every problem is drawn', () => {
  const kinds = fc.array(fc.tuple(share, share), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(kinds, share, (all, density) => {
      const masses = all.map(([mass]) => mass);
      const values = all.map(([, value]) => value);
      const at = (exponent: number, drawn = density): number =>
        selectedShare({ masses, values, weights: values.map((value) => value ** exponent) }, drawn);
      const uniform = at(0);
      expect(at(1)).toBeGreaterThanOrEqual(uniform - 1e-9);
      expect(at(4)).toBeGreaterThanOrEqual(at(1) - 1e-9);
      expect(at(4)).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
      expect(at(4, 1)).toBeCloseTo(uniform, 9);
    }),
  );
  expect(selectedShare({ masses: [9, 1], weights: [0, 1], values: [0, 1] }, 0.2)).toBeCloseTo(0.5, 9);
});

test('speedup lies between 1 and the root of the ratio of live shares', () => {
  fc.assert(
    fc.property(share, share, fc.double({ min: 0, max: 1e4, noNaN: true }), share, (a, b, batch, groups) => {
      const [uniform, selected] = [Math.min(a, b), Math.max(a, b)];
      const found = speedup(batch, 100 * groups, uniform, selected);
      expect(found).toBeGreaterThanOrEqual(1 - 1e-12);
      expect(found).toBeLessThanOrEqual(Math.sqrt(selected / uniform) * (1 + 1e-12));
    }),
  );
  expect(speedup(14, 32, 0.12, 0.52)).toBeCloseTo(Math.sqrt((1 + 14 / 3.84) / (1 + 14 / 16.64)), 12);
  expect(speedup(Infinity, 32, 0.1, 0.4)).toBe(2);
});

/** A pool in which a share of the cells has live problems. */
interface World {
  readonly problems: number;
  readonly trials: number;
  readonly alive: number;
  readonly cells: number;
}

const rateOf = (cell: number, { alive, cells }: World, rng: Rng): number =>
  cell < alive * cells ? 0.1 + 0.8 * rng.next() : rng.next() < 0.1 ? 0.03 : 0;

function drawPool(world: World, rng: Rng): PooledTrials[] {
  return Array.from({ length: world.problems }, () => {
    const cell = rng.integer(0, world.cells - 1);
    const rate = rateOf(cell, world, rng);
    let successes = 0;
    for (let trial = 0; trial < world.trials; trial++) if (rng.next() < rate) successes++;
    return { successes, trials: world.trials, cell: String(cell) };
  });
}

/** Returns the true share of live groups under uniform draws, from many problems. */
function trueShare(world: World, group: number): number {
  const rng = createRng(9, 'truth', world.alive * 1000);
  const rates = Array.from({ length: 200_000 }, () => rateOf(rng.integer(0, world.cells - 1), world, rng));
  return rates.reduce((sum, rate) => sum + liveProbability(rate, group), 0) / rates.length;
}

const size: TrainingSize = {
  groupSize: 8,
  problemsPerStep: 32,
  problemsPerUpdate: 32,
  steps: 45,
  problems: 1500,
};

/** Number of worlds of the coverage tests; three standard errors below 95 % is 86 %. */
const worlds = 50;

test.each([
  { problems: 200, trials: 8, alive: 0.5, cells: 20 },
  { problems: 200, trials: 8, alive: 0.02, cells: 50 },
  { problems: 400, trials: 4, alive: 0.2, cells: 20 },
])('the interval of the uniform live share covers the true share: %o', { timeout: 120_000 }, (world) => {
  const truth = trueShare(world, 8);
  const rng = createRng(4, 'coverage', world.problems, world.trials);
  let covered = 0;
  let total = 0;
  for (let one = 0; one < worlds; one++) {
    const { low, mean, high } = stagingWorth(drawPool(world, rng), [], size, one).liveUniform;
    total += mean;
    if (low <= truth && truth <= high) covered++;
  }
  expect(Math.abs(total / worlds / truth - 1)).toBeLessThan(0.1);
  expect(covered / worlds).toBeGreaterThanOrEqual(0.86);
});

test('trials whose number depends on their outcomes do not bias the live share', () => {
  const world = { problems: 4000, trials: 4, alive: 0.2, cells: 20 };
  const rng = createRng(5, 'screening');
  // Four attempts, and twelve more if their outcomes were mixed.
  const pool = Array.from({ length: world.problems }, (): PooledTrials => {
    const cell = rng.integer(0, world.cells - 1);
    const rate = rateOf(cell, world, rng);
    const attempts = (count: number): number =>
      Array.from({ length: count }, () => Number(rng.next() < rate)).reduce((sum, one) => sum + one, 0);
    const screened = attempts(4);
    if (screened === 0 || screened === 4) return { successes: screened, trials: 4, cell: String(cell) };
    return { successes: screened + attempts(12), trials: 16, cell: String(cell) };
  });
  const { uniform } = createLiveShares(pool, { groupSize: 8, density: 0.02, exponent: 4 })();
  expect(Math.abs(uniform / trueShare(world, 8) - 1)).toBeLessThan(0.08);
});

test('knowing the cells raises the share that selection reaches only if the cells differ', () => {
  const drawing = { groupSize: 8, density: 0.02, exponent: 4 };
  const rng = createRng(6, 'cells');
  const pool = drawPool({ problems: 2000, trials: 8, alive: 0.1, cells: 20 }, rng);
  const apart = createLiveShares(pool, drawing)();
  const together = createLiveShares(
    pool.map((problem) => ({ ...problem, cell: 'all' })),
    drawing,
  )();
  expect(apart.uniform).toBe(together.uniform);
  expect(apart.byCell).toBeGreaterThan(5 * apart.uniform);
  expect(together.byCell).toBeLessThan(1.1 * together.uniform);
  expect(apart.byProblem).toBeGreaterThanOrEqual(apart.byCell);
});

test('with one cell, selection gains nothing in the first pass; in later passes, the published bound holds', () => {
  const shares = { uniform: 0.1, byCell: 0.1, byProblem: 0.8 };
  const passes = (count: number): TrainingSize => ({ ...size, steps: count, problems: size.problemsPerStep });
  expect(reachableShare(shares, 1, passes(1))).toBeCloseTo(0.1, 12);
  // S ≤ (s + L_S (E − 1)) / (s E) at E = 2.
  expect(reachableShare(shares, 1, passes(2))).toBeLessThanOrEqual((0.1 + 0.8) / 2);
  expect(reachableShare({ ...shares, byCell: 0.6 }, 10_000, passes(1))).toBeLessThan(0.11);
});

test('a measured critical batch narrows the speed-up; a pool without a live group still has an interval', () => {
  const rng = createRng(7, 'narrow');
  const pool = drawPool({ problems: 200, trials: 8, alive: 0.1, cells: 20 }, rng);
  // a · b = 25, |a|² + |b|² = 50 + 2 · 5 · 14: b_c = 14 with a little noise.
  const splits = Array.from({ length: 20 }, (_, i) => {
    const own = 25 + 5 * 14 + (i % 2);
    return noiseParts({
      groups: [5, 5],
      norms: [Math.sqrt(own), Math.sqrt(own)],
      wholeNorm: Math.sqrt(2 * own + 50),
    });
  });
  const [measured, assumed] = [stagingWorth(pool, splits, size), stagingWorth(pool, [], size)];
  expect(measured.criticalBatch.mean).toBeCloseTo(14.1, 1);
  const width = ({ speedup: { low, high } }: typeof measured): number => high - low;
  expect(width(measured)).toBeLessThan(width(assumed));
  expect(stagingWorth(pool, splits, size)).toEqual(measured);
  const dead = Array.from({ length: 50 }, () => ({ successes: 0, trials: 8, cell: 'all' }));
  const { liveUniform, speedup: unknown } = stagingWorth(dead, [], size);
  expect(liveUniform.low).toBeGreaterThanOrEqual(0);
  expect(liveUniform.high).toBeGreaterThan(0.02);
  expect(Number.isFinite(unknown.low)).toBe(true);
});

test(
  'the interval of the speed-up covers the speed-up computed from the true pass rates',
  { timeout: 120_000 },
  () => {
    const world = { problems: 200, trials: 8, alive: 0.1, cells: 20 };
    const uniform = trueShare(world, 8);
    const everything = drawPool({ ...world, problems: 20_000 }, createRng(9, 'everything'));
    const density = (0.8 * size.problemsPerStep) / size.problems;
    const known = createLiveShares(everything, { groupSize: 8, density, exponent: 4 })();
    const truth = speedup(
      20,
      size.problemsPerUpdate,
      uniform,
      reachableShare({ ...known, uniform }, 20, size),
    );
    const rng = createRng(10, 'speed');
    let covered = 0;
    for (let one = 0; one < worlds; one++) {
      const { low, high } = stagingWorth(drawPool(world, rng), [], size, one).speedup;
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / worlds).toBeGreaterThanOrEqual(0.86);
  },
);

test('describeWorth prints the decision and the numbers behind it', () => {
  const estimate = (mean: number, low: number, high: number) => ({ mean, low, high });
  const worth: StagingWorth = {
    speedup: estimate(2.5, 2.1, 3),
    liveUniform: estimate(0.07, 0.04, 0.11),
    liveSelected: estimate(0.52, 0.44, 0.6),
    criticalBatch: estimate(14, 9, Infinity),
    isBatchMeasured: true,
    records: 200,
  };
  expect(describeWorth(worth)).toEqual([
    'staging is worth 2.1–3.0 ×: select by difficulty (7.0 % of groups are live under uniform draws, [4.0 %, 11 %])',
    '  selection can reach 52 % [44 %, 60 %]; critical batch 14 live groups [9.0, ∞]; from 200 groups of trials',
  ]);
  const small = { ...worth, speedup: estimate(1.05, 1, 1.1), isBatchMeasured: false };
  expect(describeWorth(small).join('\n')).toMatch(/^staging is worth 1\.0–1\.1 ×: leave it/u);
  expect(worthVerdict({ speedup: estimate(1.3, 1, 2) })).toBe('unclear');
});

test('the worth of a measured selection follows from its shares, and is below 1 if selection loses', () => {
  const shares = {
    weight: 1,
    uniform: { mean: 0.1, low: 0.05, high: 0.15 },
    selected: { mean: 0.5, low: 0.45, high: 0.55 },
  };
  const { speedup: gained, liveSelected } = measuredWorth([{ ...shares, uniformShare: 0.2 }], [], 32);
  expect(liveSelected.mean).toBeCloseTo(0.42, 1);
  expect(gained.low).toBeGreaterThan(1.3);
  const lost = { weight: 1, uniform: shares.selected, selected: shares.uniform, uniformShare: 0.2 };
  expect(measuredWorth([lost], [], 32).speedup.high).toBeLessThan(1);
});

const wilson = (successes: number, trials: number) => ({
  mean: successes / trials,
  ...wilsonInterval(successes, trials),
});

test('a measured live share of 0 gives an estimate near 0, and selection is worth more than 1', () => {
  const shares = { weight: 1, uniform: wilson(0, 60), selected: wilson(60, 120), uniformShare: 0.2 };
  const { liveUniform, liveSelected, speedup: gained } = measuredWorth([shares], [], 32);
  expect(liveUniform.mean).toBeLessThan(0.02);
  expect(liveUniform.high).toBeLessThan(0.08);
  expect(liveSelected.mean).toBeCloseTo(0.4, 1);
  expect(gained.low).toBeGreaterThan(1.5);
});

test('the live shares of a mix are the weighted means of its domains', () => {
  const math = { weight: 0.75, uniform: wilson(20, 200), selected: wilson(100, 200), uniformShare: 0.2 };
  const code = { weight: 0.25, uniform: wilson(180, 200), selected: wilson(190, 200), uniformShare: 0.9 };
  const { liveUniform, liveSelected } = measuredWorth([math, code], [], 32);
  expect(liveUniform.mean).toBeCloseTo(0.75 * 0.1 + 0.25 * 0.9, 1);
  expect(liveSelected.mean).toBeCloseTo(0.75 * 0.42 + 0.25 * 0.905, 1);
});
