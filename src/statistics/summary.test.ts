import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRng, type Rng } from '../core/rng.ts';
import { mean, quantile, standardDeviation, sum, variance } from './summary.ts';
import { betaCdf, betaPosterior, betaQuantile } from './beta.ts';
import { betaInterval, bootstrapMean, tInterval, wilsonInterval, wilsonTrials } from './intervals.ts';
import { minimumDetectableEffect } from './power.ts';
import { linearFit } from './regression.ts';

/** Draws from the standard normal distribution (Box–Muller). */
const gaussian = (rng: Rng): number =>
  Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());

test('computes the mean, variance and quantiles of small lists', () => {
  const values = [2, 4, 4, 4, 5, 5, 7, 9];
  expect(mean(values)).toBe(5);
  expect(variance(values)).toBeCloseTo(32 / 7, 12);
  expect(standardDeviation([3])).toBe(0);
  expect(mean([])).toBeNaN();
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
  expect(quantile([4, 1, 3, 2], 0.9)).toBeCloseTo(3.7, 12);
  expect(quantile([7], 0.3)).toBe(7);
});

test('sum compensates for rounding errors that naive addition accumulates', () => {
  expect(sum([1, 1e100, 1, -1e100])).toBe(2);
});

// Closed forms: Beta(1, b) has I_x = 1 − (1−x)^b; Beta(½, ½) is the arcsine law; Beta(2, 3) is a quartic.
test.each([
  [{ alpha: 1, beta: 7 }, 0.2, 1 - 0.8 ** 7],
  [{ alpha: 0.5, beta: 0.5 }, 0.3, (2 / Math.PI) * Math.asin(Math.sqrt(0.3))],
  [{ alpha: 2, beta: 3 }, 0.4, 6 * 0.4 ** 2 - 8 * 0.4 ** 3 + 3 * 0.4 ** 4],
  [{ alpha: 5000, beta: 5000 }, 0.5, 0.5],
  // Values of mpmath's betainc with 30 digits.
  [{ alpha: 0.5, beta: 16.5 }, 0.025, 0.63568174536],
  [{ alpha: 100.5, beta: 28.5 }, 0.8, 0.70746735688064],
  [{ alpha: 40, beta: 2 }, 0.5, 1.9099388737231545e-11],
])('betaCdf of %o at %f', (shape, x, expected) => {
  expect(Math.abs(betaCdf(shape, x) / expected - 1)).toBeLessThan(1e-11);
});

test('betaQuantile inverts betaCdf', () => {
  const size = fc.double({ min: 0.5, max: 2000, noNaN: true });
  const worst = { error: 0 };
  fc.assert(
    fc.property(size, size, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (alpha, beta, p) => {
      const error = Math.abs(betaCdf({ alpha, beta }, betaQuantile({ alpha, beta }, p)) - p);
      worst.error = Math.max(worst.error, error);
    }),
  );
  expect(worst.error).toBeLessThan(1e-7);
});

test('wilsonTrials returns the trials of a Wilson interval, even at rates of 0 and 1', () => {
  const trials = fc.double({ min: 0.5, max: 1e5, noNaN: true });
  const rate = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(rate, trials, (p, count) => {
      const found = wilsonTrials({ mean: p, ...wilsonInterval(p * count, count) });
      expect(found / count).toBeCloseTo(1, 6);
    }),
  );
});

test('wilsonInterval returns textbook values, and exact ends at 0 and 1', () => {
  const { low, high } = wilsonInterval(8, 10);
  expect(low).toBeCloseTo(0.49016, 5);
  expect(high).toBeCloseTo(0.94332, 5);
  expect(wilsonInterval(0, 4)).toEqual({ low: 0, high: expect.closeTo(0.48989, 4) });
  expect(wilsonInterval(4, 4).high).toBe(1);
  expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  expect(wilsonInterval(5, 10, 0.99).low).toBeLessThan(wilsonInterval(5, 10).low);
});

test('betaInterval covers the true rate about as often as its confidence level promises', () => {
  const rng = createRng(1, 'coverage');
  let covered = 0;
  const worlds = 3000;
  for (let world = 0; world < worlds; world++) {
    const rate = rng.next();
    let successes = 0;
    for (let trial = 0; trial < 16; trial++) if (rng.next() < rate) successes++;
    const { low, high } = betaInterval(successes, 16, { confidence: 0.9 });
    if (low <= rate && rate <= high) covered++;
  }
  expect(covered / worlds).toBeGreaterThan(0.88);
  expect(covered / worlds).toBeLessThan(0.92);
});

test('betaPosterior accepts fractional counts and any prior', () => {
  expect(betaPosterior(1.5, 4, { alpha: 1, beta: 1 })).toEqual({ alpha: 2.5, beta: 3.5 });
});

test('bootstrapMean is seeded, centred on the mean, and as wide as theory predicts', () => {
  const rng = createRng(3, 'values');
  const values = Array.from({ length: 200 }, () => rng.next());
  const first = bootstrapMean(values, { seed: 1, resamples: 4000 });
  expect(bootstrapMean(values, { seed: 1, resamples: 4000 })).toEqual(first);
  const half = (1.96 * standardDeviation(values)) / Math.sqrt(200);
  expect(first.mean).toBe(mean(values));
  expect((first.high - first.low) / 2 / half).toBeCloseTo(1, 1);
  expect(bootstrapMean([0.25, 0.25], { seed: 1 })).toEqual({ mean: 0.25, low: 0.25, high: 0.25 });
});

// Two-sided 95 % and 99 % quantiles of Student's t, by degrees of freedom (NIST/SEMATECH e-Handbook, table 1.3.6.7.2).
test.each([
  [1, 0.95, 12.706],
  [4, 0.95, 2.776],
  [9, 0.95, 2.262],
  [30, 0.95, 2.042],
  [4, 0.99, 4.604],
])(
  'tInterval with %i degrees of freedom at %f has the width of the tabulated quantile',
  (degrees, confidence, t) => {
    const values = Array.from({ length: degrees + 1 }, (_, i) => i);
    const { low, high } = tInterval(values, confidence);
    const standardError = standardDeviation(values) / Math.sqrt(values.length);
    expect((high - low) / 2 / standardError).toBeCloseTo(t, 2);
  },
);

test('tInterval shifts and scales with its values', () => {
  const any = fc.double({ min: -100, max: 100, noNaN: true });
  const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
  fc.assert(
    fc.property(fc.array(any, { minLength: 2, maxLength: 12 }), any, factor, (values, shift, scale) => {
      const before = tInterval(values);
      const after = tInterval(values.map((value) => scale * value + shift));
      expect(after.low).toBeCloseTo(scale * before.low + shift, 6);
      expect(after.high).toBeCloseTo(scale * before.high + shift, 6);
    }),
  );
  expect(tInterval([])).toEqual({ mean: NaN, low: NaN, high: NaN });
  expect(tInterval([3])).toEqual({ mean: 3, low: -Infinity, high: Infinity });
});

test('over 3, 5 and 10 seeds, tInterval covers 95 % and a percentile bootstrap clearly less', () => {
  const rng = createRng(5, 'seeds');
  const worlds = 2000;
  const holdsZero = ({ low, high }: { low: number; high: number }): number => Number(low <= 0 && 0 <= high);
  const coverage = [3, 5, 10].map((seeds) => {
    const covered = { t: 0, bootstrap: 0 };
    for (let world = 0; world < worlds; world++) {
      const differences = Array.from({ length: seeds }, () => gaussian(rng));
      covered.t += holdsZero(tInterval(differences));
      covered.bootstrap += holdsZero(bootstrapMean(differences, { seed: world, resamples: 300 }));
    }
    return { t: covered.t / worlds, bootstrap: covered.bootstrap / worlds };
  });
  // Four standard errors of a rate of 0.95 over 2,000 worlds are 0.0195.
  for (const { t } of coverage) expect(Math.abs(t - 0.95)).toBeLessThan(0.0195);
  const [three, five, ten] = coverage.map(({ bootstrap }) => bootstrap) as [number, number, number];
  expect(three).toBeLessThan(0.8);
  expect(five).toBeLessThan(0.87);
  expect(ten).toBeLessThan(0.925);
});

test('tInterval of differences equals the textbook paired t-interval', () => {
  const score = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(score, score), { minLength: 3, maxLength: 3 }), (pairs) => {
      const differences = pairs.map(([before, after]) => after - before);
      const { mean: centre, low, high } = tInterval(differences);
      // Two degrees of freedom have a closed form: t = (2q − 1) √(2 / (4q(1 − q))) at quantile q = 0.975.
      const t = 0.95 * Math.sqrt(2 / (4 * 0.975 * 0.025));
      const total = differences.reduce((all, one) => all + one, 0);
      const squares = differences.reduce((all, one) => all + one * one, 0);
      const error = Math.sqrt(Math.max(0, squares - (total * total) / 3) / 2 / 3);
      expect(centre).toBeCloseTo(total / 3, 12);
      expect(high - centre).toBeCloseTo(t * error, 6);
      expect(centre - low).toBeCloseTo(t * error, 6);
    }),
  );
});

describe('minimumDetectableEffect', () => {
  test('is proportional to the deviation and decreases with the number of values', () => {
    const deviation = fc.double({ min: 1e-3, max: 10, noNaN: true });
    fc.assert(
      fc.property(deviation, fc.integer({ min: 2, max: 40 }), (d, count) => {
        const effect = minimumDetectableEffect(d, count);
        expect(effect).toBeCloseTo(d * minimumDetectableEffect(1, count), 9);
        expect(minimumDetectableEffect(d, count + 1)).toBeLessThan(effect);
        expect(minimumDetectableEffect(d, count, { power: 0.9 })).toBeGreaterThan(effect);
        expect(minimumDetectableEffect(d, count, { confidence: 0.99 })).toBeGreaterThan(effect);
      }),
    );
    expect(minimumDetectableEffect(1, 1)).toBe(Infinity);
    expect(minimumDetectableEffect(0, 5)).toBe(0);
  });

  test('an effect of this size is found in about 80 % of simulated comparisons of 3, 5 and 10 seeds', () => {
    const rng = createRng(6, 'power');
    const worlds = 4000;
    for (const seeds of [3, 5, 10]) {
      const effect = minimumDetectableEffect(1, seeds);
      let found = 0;
      for (let world = 0; world < worlds; world++) {
        const { low } = tInterval(Array.from({ length: seeds }, () => effect + gaussian(rng)));
        found += Number(low > 0);
      }
      // Bloom's formula ignores that the deviation is estimated: 40,000 worlds give 0.765, 0.788 and 0.800.
      expect(Math.abs(found / worlds - 0.8)).toBeLessThan(0.05);
    }
  });
});

test('linearFit returns the intercept, the slope and the standard error of the slope', () => {
  expect(linearFit([0, 1, 2], [1, 3, 5])).toEqual({ intercept: 1, slope: 2, slopeError: 0 });
  const fit = linearFit([1, 2, 3, 4, 5], [2, 4, 5, 4, 5]);
  expect(fit.slope).toBeCloseTo(0.6, 12);
  expect(fit.slopeError).toBeCloseTo(0.28284271247, 10);
  expect(linearFit([0, 1], [0, 1]).slopeError).toBe(Infinity);
  expect(() => linearFit([1, 1], [0, 1])).toThrow('two distinct x values');
  expect(() => linearFit([1], [0, 1])).toThrow('as many x values as y values');
});
