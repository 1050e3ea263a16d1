import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { heldOutShares, type KindLaw, speedByKinds } from './kinds.ts';
import type { Result } from './results.ts';
import { rows } from './rows.ts';

type Cells = NonNullable<Result['cells']>;

/** A run of 48 steps with the same groups in every sixth: number, live ones, sum of 4p(1 − p). */
const steady = (cells: Record<string, [number, number, number]>) => ({
  steps: 48,
  cells: Object.fromEntries(
    Object.entries(cells).map(([cell, groups]) => [cell, Array.from({ length: 6 }, () => groups)]),
  ) satisfies Cells,
});
const shares = new Map([
  ['addition/1', 0.5],
  ['brackets/1', 0.5],
]);
const laws: KindLaw[] = ['together', 'separate'];

test.each(laws)('%s: is the inverse with the runs exchanged if contrasts are equal', (law) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 4, maxLength: 4 }),
      ([a, b, c, d]) => {
        const one = steady({ 'addition/1': [256, a!, a! / 2], 'brackets/1': [256, b!, b! / 2] });
        const other = steady({ 'addition/1': [256, c!, c! / 2], 'brackets/1': [256, d!, d! / 2] });
        const forth = speedByKinds(law, one, other, shares, 300);
        expect(forth * speedByKinds(law, other, one, shares, 300)).toBeCloseTo(1, 9);
      },
    ),
  );
});

test.each(laws)('%s: live groups of kinds that are not held out add nothing', (law) => {
  const uniform = steady({ 'addition/1': [128, 16, 8], 'sequences/5': [128, 64, 32] });
  const arm = steady({ 'addition/1': [256, 64, 32] });
  // Four times the signal where noise outweighs it: twice the progress.
  expect(speedByKinds(law, uniform, arm, shares, Infinity)).toBeCloseTo(2, 9);
});

test('one kind with all groups is worth as much as two kinds together, but less with separate returns', () => {
  const both = steady({ 'addition/1': [128, 32, 16], 'brackets/1': [128, 32, 16] });
  const one = steady({ 'addition/1': [256, 64, 32] });
  expect(speedByKinds('together', both, one, shares, 300)).toBeCloseTo(1, 9);
  expect(speedByKinds('separate', both, one, shares, 300)).toBeLessThan(0.75);
});

test('is 1 if no group of uniform sampling has a signal', () => {
  const dead = steady({ 'addition/1': [256, 0, 0] });
  expect(speedByKinds('together', dead, steady({ 'addition/1': [256, 9, 5] }), shares, 300)).toBe(1);
});

test('the shares of the held-out cells add up to 1 in every row', () => {
  for (const row of rows) {
    const all = [...heldOutShares(row).values()];
    expect(all.length).toBeGreaterThan(5);
    expect(all.reduce((sum, share) => sum + share)).toBeCloseTo(1, 9);
  }
});
