import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { uniformAt } from '../../core/rng.ts';
import { betaQuantile } from '../../statistics/beta.ts';
import type { Trials } from '../pass-rates/trials.ts';
import { leastMeasured, predictPassRates } from './predict.ts';

/** Draws pass rates from a Beta distribution with mean σ(2x) and concentration 6; x is known for every problem. */
function world(seed: number, count: number, measured: number, trials: number) {
  const problems = Array.from({ length: count }, (_, i) => ({
    id: `p${i}`,
    words: [],
    values: { x: 4 * uniformAt(seed, i) - 2 },
  }));
  const rates = problems.map(({ values }, i) => {
    const mean = 1 / (1 + Math.exp(-2 * values.x));
    return betaQuantile({ alpha: 6 * mean, beta: 6 * (1 - mean) }, uniformAt(seed, i, 1));
  });
  const passRates = new Map<string, Trials>(
    problems.slice(0, measured).map(({ id }, i) => {
      const successes = Array.from({ length: trials }, (_, n) => uniformAt(seed, i, 2, n)).filter(
        (draw) => draw < rates[i]!,
      ).length;
      return [id, { successes, trials }];
    }),
  );
  return { problems, rates, passRates };
}

test('95 % intervals contain the pass rates of 93 to 97 % of the problems without attempts', () => {
  let [inside, all] = [0, 0];
  for (let seed = 0; seed < 4; seed++) {
    const { problems, rates, passRates } = world(seed, 900, 300, 8);
    const { predictions, calibration } = predictPassRates(problems, passRates);
    expect(calibration).toMatchObject({ problems: 300 });
    expect(calibration!.spearman.mean).toBeGreaterThan(0.6);
    predictions.slice(300).forEach(({ passRate }, i) => {
      const rate = rates[300 + i]!;
      all++;
      if (passRate!.low <= rate && rate <= passRate!.high) inside++;
    });
  }
  expect(inside / all).toBeGreaterThan(0.93);
  expect(inside / all).toBeLessThan(0.97);
});

test('the mean of the predicted rates equals that of the measured ones', () => {
  const { problems, rates, passRates } = world(9, 2000, 1000, 16);
  const { predictions } = predictPassRates(problems, passRates);
  const meanOf = (values: readonly number[]): number =>
    values.reduce((sum, one) => sum + one, 0) / values.length;
  const unseen = predictions.slice(1000).map(({ passRate }) => passRate!.mean);
  expect(Math.abs(meanOf(unseen) - meanOf(rates.slice(1000)))).toBeLessThan(0.02);
});

test('only ranks problems, without predicting rates, if too few are measured or all attempts had the same outcome', () => {
  const { problems, passRates } = world(1, 100, leastMeasured, 4);
  expect(predictPassRates(problems, passRates).calibration).toBeDefined();
  const fewer = new Map([...passRates].slice(1));
  const always = new Map([...passRates].map(([id]) => [id, { successes: 4, trials: 4 }] as const));
  for (const measured of [new Map(), fewer, always]) {
    const { predictions, calibration } = predictPassRates(problems, measured);
    expect(calibration).toBeUndefined();
    expect(predictions.every(({ passRate }) => passRate === undefined)).toBe(true);
  }
});

test('ranks increase with each value, and a problem without known values has no rank', () => {
  const values = fc.record({ a: fc.integer(), b: fc.integer() }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.array(values, { maxLength: 12 }), (all) => {
      const known = all.map((one) => one as Record<string, number>);
      const problems = known.map((one, i) => ({ id: `p${i}`, words: [], values: one }));
      const ranks = predictPassRates(problems, new Map()).predictions.map(({ rank }) => rank);
      expect(ranks.map((rank) => rank === undefined)).toEqual(
        known.map((own) => Object.keys(own).length === 0),
      );
      expect(ranks.every((rank = 0) => rank >= 0 && rank <= 1)).toBe(true);
      // If the same values are known for two problems, the problem with the higher value in all of them ranks higher.
      const isAbove = (i: number, j: number): boolean => {
        const names = Object.keys(known[i]!);
        return (
          names.length > 0 &&
          names.toSorted().join() === Object.keys(known[j]!).toSorted().join() &&
          names.every((name) => known[i]![name]! > known[j]![name]!)
        );
      };
      const swapped = known.flatMap((_, i) =>
        known.flatMap((_other, j) => (isAbove(i, j) && ranks[i]! <= ranks[j]! ? [[i, j]] : [])),
      );
      expect(swapped).toEqual([]);
    }),
  );
});
