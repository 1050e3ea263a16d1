import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { speedup } from '../../src/curriculum/worth/staging-worth.ts';
import { demoBatch, expectedSpeed, rowBatch } from './expected-speed.ts';

const course = (live: number[], contrast = 1) => ({ live, contrast: live.map(() => contrast) });
const share = fc.double({ min: 0.01, max: 1, noNaN: true });

test('equals (W1) for constant shares', () => {
  fc.assert(
    fc.property(share, share, fc.double({ min: 1, max: 1e4, noNaN: true }), (low, high, critical) => {
      const [slow, fast] = [low, high].toSorted((a, b) => a - b) as [number, number];
      const steps = 1000;
      const constant = (value: number): number[] => Array.from({ length: steps }, () => value);
      const speed = expectedSpeed(course(constant(slow)), course(constant(fast)), critical, 32);
      expect(speed).toBeCloseTo(speedup(critical, 32, slow, fast), 6);
    }),
  );
});

test('is inverted when the runs are swapped', () => {
  const [one, other] = [course([0.1, 0.2, 0.4]), course([0.5, 0.3, 0.3])];
  expect(expectedSpeed(one, other, 40, 32) * expectedSpeed(other, one, 40, 32)).toBeCloseTo(1, 12);
});

test('counts the share until the goal, not the share after it', () => {
  const uniform = course([0.1, 0.1, 0.1, 0.1]);
  const early = expectedSpeed(uniform, course([0.9, 0.1, 0.1, 0.1]), Infinity, 32);
  const late = expectedSpeed(uniform, course([0.1, 0.1, 0.1, 0.9]), Infinity, 32);
  expect(early).toBeGreaterThan(late);
});

test('gives groups near p = ½ more weight', () => {
  const uniform = course([0.3, 0.3], 0.66);
  expect(expectedSpeed(uniform, course([0.3, 0.3], 1), Infinity, 32)).toBeCloseTo(1 / 0.66, 12);
});

test('is 1 without any signal', () => {
  expect(expectedSpeed(course([0, 0]), course([0, 0.5]), 300, 32)).toBe(1);
});

test("uses a row's own critical batch only if its interval excludes the demo's", () => {
  const parts = (noise: number[]) => noise.map((value) => ({ noise: value, signal: 1 }));
  expect(rowBatch(parts([12, 13, 11, 12]))).toBeCloseTo(12, 6);
  expect(rowBatch(parts([100, 700, 250]))).toBe(demoBatch);
  expect(rowBatch([])).toBe(demoBatch);
});
