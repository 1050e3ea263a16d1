import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng, uniformAt } from '../../core/rng.ts';
import { weighTrials, worthInTrials } from './weigh-trials.ts';
import { believeAt, fitDrift, type Visit } from '../drift/fit-drift.ts';
import { describeBelief, predicted } from '../drift/drift.ts';
import { rateGrid } from '../drift/rate-grid.ts';
import { simpleLevels } from '../levels/level-presets.ts';
import { createLevels, levelConfig } from '../levels/levels.ts';

const levels = createLevels(
  simpleLevels().map((level) => levelConfig.parse(level)),
  { alpha: 1, beta: 1 },
);
const levelsOf = (policy: { successes: number; trials: number }) =>
  levels.of({ id: 'p', domain: 'math', passRates: { policy } });

test('converts a distribution into trials: its median is the rate, and a wider distribution gives fewer trials', () => {
  const weights = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 40 });
  fc.assert(
    fc.property(weights, (raw) => {
      const total = raw.reduce((sum, weight) => sum + weight, 1e-9);
      const totals = raw.map((weight, i) => (weight + (i === 0 ? 1e-9 : 0)) / total);
      const horizon = totals.length - 1;
      const { successes, trials } = worthInTrials(totals);
      expect(trials >= 1 && trials <= horizon).toBe(true);
      const median = Math.round((successes / trials) * horizon);
      const upTo = (last: number): number => totals.slice(0, last).reduce((sum, p) => sum + p, 0);
      expect(upTo(median + 1)).toBeGreaterThanOrEqual(0.5 - 1e-9);
      expect(upTo(median)).toBeLessThanOrEqual(0.5 + 1e-9);
    }),
  );
  const sharp = worthInTrials([0, 0.1, 0.8, 0.1, 0]).trials;
  expect(worthInTrials([0.2, 0.2, 0.2, 0.2, 0.2]).trials).toBeLessThan(sharp);
  expect(levelsOf(worthInTrials([0.6, 0.4, 0, 0]))).toEqual(['hard']);
  expect(levelsOf(worthInTrials([0.4, 0.6, 0, 0]))).toContain('learnable');
});

test('does not read one failure as "never" if most problems are sometimes solved', () => {
  const measured = new Map(
    Array.from({ length: 600 }, (_, i) => {
      const made = i % 3 === 0 ? 1 : 24;
      const solved = Array.from({ length: made }, (_x, n) => Number(uniformAt(5, i, n) < 0.3));
      return [`p${i}`, { successes: solved.reduce((a, b) => a + b, 0), trials: made }];
    }),
  );
  const weighed = weighTrials(new Map([...measured, ['untried', { successes: 0, trials: 0 }]]), 24);
  const once = [...measured].filter(([, { trials, successes }]) => trials === 1 && successes === 0);
  expect(once.length).toBeGreaterThan(100);
  for (const [id] of once) expect(levelsOf(weighed.get(id)!)).toContain('learnable');
  expect(weighed.get('untried')).toEqual({ successes: 0, trials: 0 });
  expect(weighed.get('p1')).toEqual(measured.get('p1'));
});

/** Simulates visits to problems whose log-odds rise by `trend` per step: one at the start and two later. */
function risingVisits(trend: number): Visit[][] {
  const rng = createRng(3, 'visits');
  return Array.from({ length: 150 }, () => {
    const odds = 4 * rng.next() - 3;
    return [0, 10, 25].map((time) => {
      const rate = 1 / (1 + Math.exp(-odds - trend * time));
      return {
        time,
        successes: Array.from({ length: 8 }, () => Number(rng.next() < rate)).reduce((a, b) => a + b, 0),
        trials: 8,
      };
    });
  });
}

test('fits the drift to problems with several visits', () => {
  const start = rateGrid.uniform();
  const meanLater = (trend: number): number => {
    const model = fitDrift(start, risingVisits(trend));
    return describeBelief(believeAt(model, [{ time: 0, successes: 2, trials: 8 }], 25)).mean;
  };
  expect(meanLater(0.07)).toBeGreaterThan(meanLater(0) + 0.15);
  const model = fitDrift(start, []);
  const sum = predicted(believeAt(model, [], 400), 8).reduce((total, p) => total + p, 0);
  expect(sum).toBeCloseTo(1, 9);
});
