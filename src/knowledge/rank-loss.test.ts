import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { rankDistribution, rankLoss } from './rank-loss.ts';

const list = (count: number) =>
  fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: count, maxLength: count });
const cases = fc
  .integer({ min: 2, max: 8 })
  .chain((count) =>
    fc.tuple(
      list(count),
      list(count),
      fc.double({ min: 0.5, max: 5, noNaN: true }),
      fc.double({ min: 0.5, max: 100, noNaN: true }),
    ),
  );

test('advantages equal minus the derivative of the KL, computed by finite differences', () => {
  fc.assert(
    fc.property(cases, ([targets, scores, target, model]) => {
      const { advantages } = rankLoss(targets, scores, { target, model });
      const klWith = (i: number, by: number): number =>
        rankLoss(targets, scores.with(i, scores[i]! + by), { target, model }).kl;
      for (const [i, advantage] of advantages.entries())
        expect((klWith(i, 1e-4) - klWith(i, -1e-4)) / 2e-4).toBeCloseTo(-advantage, 5);
    }),
    { numRuns: 200 },
  );
});

test('the KL is at least 0, advantages sum to 0, and both are 0 for equal rankings', () => {
  fc.assert(
    fc.property(cases, ([targets, scores, target, model]) => {
      const { kl, advantages } = rankLoss(targets, scores, { target, model });
      expect(kl).toBeGreaterThan(-1e-12);
      expect(advantages.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 10);
      const same = rankLoss(targets, targets, { target: model, model });
      expect(same.kl).toBeCloseTo(0, 10);
      for (const advantage of same.advantages) expect(advantage).toBeCloseTo(0, 10);
    }),
  );
});

test('matches a case computed by hand', () => {
  // Q = [3/4, 1/4], P = [1/2, 1/2], τ₂ = 2
  const { kl, advantages } = rankLoss([Math.log(3), 0], [-1, -1], { target: 1, model: 2 });
  expect(kl).toBeCloseTo(0.75 * Math.log(1.5) + 0.25 * Math.log(0.5), 12);
  expect(advantages).toEqual([expect.closeTo(0.125, 12), expect.closeTo(-0.125, 12)]);
  expect(rankDistribution([5, -Infinity], 1)).toEqual([1, 0]);
});
