import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sum } from '../../../statistics/summary.ts';
import type { EvidenceClass } from './own-evidence.ts';
import { raiseToUniform } from './uniform-floor.ts';

interface Cell {
  readonly weights: readonly number[];
  readonly boost: number | undefined;
}

const cell = fc.record({
  weights: fc.array(fc.double({ min: 1e-6, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }),
  boost: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
});
const pools = fc.array(cell, { minLength: 1, maxLength: 6 });

/** Returns each class's share of the draws before and after raising, and each cell's share of the problems. */
function raise(cells: readonly Cell[]) {
  const classes = cells.flatMap(({ weights }, at): EvidenceClass[] =>
    weights.map((_, i) => ({ cell: at, successes: 0, failures: 0, factor: 1, size: 1 + i })),
  );
  const weights = Float64Array.from(cells.flatMap((one) => one.weights));
  const classOf = Uint32Array.from(classes.flatMap(({ size }, at) => Array.from({ length: size }, () => at)));
  const raised = raiseToUniform(weights, classes, classOf, (at) => cells[at]!.boost);
  const shares = (of: Float64Array): number[] => {
    const totals = classes.map(({ size }, at) => size * of[at]!);
    return totals.map((total) => total / sum(totals));
  };
  const problems = sum(classes.map(({ size }) => size));
  const sizes = cells.map((_, at) => sum(classes.filter((one) => one.cell === at).map(({ size }) => size)));
  return { classes, before: shares(weights), after: shares(raised), uniform: sizes.map((n) => n / problems) };
}

const ofCell = (classes: readonly EvidenceClass[], shares: readonly number[], at: number): number =>
  sum(shares.filter((_, i) => classes[i]!.cell === at));

test('draws every raised cell at least at its share of the problems, and up to twice as often with a full boost', () => {
  fc.assert(
    fc.property(pools, (cells) => {
      const { classes, after, uniform } = raise(cells);
      const raised = cells.flatMap(({ boost }, at) => (boost === undefined ? [] : [at]));
      for (const at of raised) expect(ofCell(classes, after, at)).toBeGreaterThan(uniform[at]! - 1e-9);
      const small = raise([
        { weights: [1, 1, 1], boost: undefined },
        { weights: [1e-6], boost: 1 },
      ]);
      expect(ofCell(small.classes, small.after, 1)).toBeCloseTo(2 * small.uniform[1]!, 9);
    }),
  );
});

test('leaves the other cells at least half of their share of the problems, in the same proportions', () => {
  fc.assert(
    fc.property(pools, (given) => {
      const cells = given.map((one) =>
        one.boost === undefined ? one : { ...one, weights: one.weights.map((weight) => weight * 1e-9) },
      );
      const { classes, before, after, uniform } = raise(cells);
      const others = cells.flatMap(({ boost }, at) => (boost === undefined ? [at] : []));
      const [kept, had] = [after, before].map((shares) =>
        sum(others.map((at) => ofCell(classes, shares, at))),
      );
      expect(kept).toBeGreaterThan(sum(others.map((at) => uniform[at]!)) / 2 - 1e-9);
      for (const at of others)
        expect(ofCell(classes, after, at) * had!).toBeCloseTo(ofCell(classes, before, at) * kept!, 9);
    }),
  );
});

test('keeps the proportions within a cell, and keeps all weights if every cell already has its share', () => {
  fc.assert(
    fc.property(pools, (cells) => {
      const { classes, before, after } = raise(cells);
      const neighbours = classes.flatMap(({ cell: own }, i) => (classes[i - 1]?.cell === own ? [i] : []));
      for (const i of neighbours)
        expect(after[i]! * before[i - 1]!).toBeCloseTo(after[i - 1]! * before[i]!, 9);
      const even = raise(cells.map(() => ({ weights: [0.3], boost: 0 })));
      for (const [i, share] of even.after.entries()) expect(share).toBeCloseTo(even.before[i]!, 9);
    }),
  );
});
