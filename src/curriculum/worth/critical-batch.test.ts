import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { drawNormal } from '../../statistics/ratio.ts';
import {
  criticalBatch,
  noiseParts,
  signalLost,
  type SplitGradient,
  updateProgress,
} from './critical-batch.ts';

const norm = (vector: readonly number[]): number => Math.hypot(...vector);
const add = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value + b[i]!);

/** Splits groups with these gradients into the first `n` and the others. */
function splitOf(gradients: readonly (readonly number[])[], n: number): SplitGradient {
  const zero = gradients[0]!.map(() => 0);
  const sum = (some: readonly (readonly number[])[]): number[] => some.reduce<number[]>(add, zero);
  const [head, tail] = [gradients.slice(0, n), gradients.slice(n)];
  return {
    groups: [head.length, tail.length],
    norms: [norm(sum(head)), norm(sum(tail))],
    wholeNorm: norm(sum(gradients)),
  };
}

test('equal gradients have no noise', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      (gradient, n, m) => {
        const { noise, signal } = noiseParts(
          splitOf(
            Array.from({ length: n + m }, () => gradient),
            n,
          ),
        );
        const square = norm(gradient) ** 2;
        expect(signal / (n * m)).toBeCloseTo(square, 6);
        expect(noise / (n * m)).toBeCloseTo(0, 6);
      },
    ),
  );
});

test('the scale of the loss does not change the critical batch', () => {
  const rng = createRng(1, 'splits');
  const splits = Array.from({ length: 6 }, () =>
    splitOf(
      Array.from({ length: 8 }, () => [1 + drawNormal(rng), drawNormal(rng), drawNormal(rng)]),
      4,
    ),
  );
  const scaled = splits.map(({ groups, norms: [a, b], wholeNorm }): SplitGradient => {
    return { groups, norms: [3 * a, 3 * b], wholeNorm: 3 * wholeNorm };
  });
  expect(criticalBatch(scaled.map(noiseParts)).mean).toBeCloseTo(
    criticalBatch(splits.map(noiseParts)).mean,
    9,
  );
  expect(criticalBatch([]).mean).toBeNaN();
});

test('splits into unequal halves give the true critical batch, and the interval covers it', () => {
  // 40 dimensions with unequal noise; tr Σ = Σ σ², |G|² = 40 · 0.5².
  const sigmas = Array.from({ length: 40 }, (_, i) => 4 / Math.sqrt(i + 1));
  const truth = sigmas.reduce((sum, sigma) => sum + sigma * sigma, 0) / (40 * 0.25);
  const rng = createRng(2, 'noise');
  const worlds = 400;
  const splits = 5;
  let covered = 0;
  const [noise, signal] = [[] as number[], [] as number[]];
  for (let world = 0; world < worlds; world++) {
    const found = Array.from({ length: splits }, () => {
      const live = rng.integer(8, 20);
      const gradients = Array.from({ length: live }, () =>
        sigmas.map((sigma) => 0.5 + sigma * drawNormal(rng)),
      );
      return splitOf(gradients, Math.floor(live / 2));
    });
    for (const parts of found.map(noiseParts)) {
      noise.push(parts.noise);
      signal.push(parts.signal);
    }
    const { low, high } = criticalBatch(found.map(noiseParts));
    if (low <= truth && truth <= high) covered++;
  }
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
  expect(total(noise) / total(signal) / truth).toBeCloseTo(1, 1);
  expect(covered / worlds).toBeGreaterThan(0.92);
});

test('signalLost is in [0, 1], and grows with noise and with the number of zero-advantage groups', () => {
  const groups = fc.integer({ min: 1, max: 64 });
  const critical = fc.double({ min: 0, max: 1e4, noNaN: true });
  fc.assert(
    fc.property(groups, groups, critical, (live, dead, noise) => {
      const all = live + dead;
      const lost = signalLost(live, all, noise);
      expect(lost).toBeGreaterThanOrEqual(-1e-12);
      expect(lost).toBeLessThanOrEqual(signalLost(live, all, 2 * noise + 1) + 1e-12);
      expect(lost).toBeLessThanOrEqual(signalLost(live, all + 1, noise) + 1e-12);
      expect(signalLost(live, all, Infinity)).toBeGreaterThanOrEqual(lost - 1e-12);
    }),
  );
  expect(signalLost(8, 32, Infinity)).toBe(0.5);
  expect(signalLost(0, 32, 10)).toBe(1);
  expect(signalLost(5, 32, 0)).toBe(0);
});

test('progress equals that of a simulated Adam step along the gradient', () => {
  const rng = createRng(11, 'adam');
  const [gradient, sigma] = [0.1, 1];
  for (const live of [4, 16, 64]) {
    let [first, second, total] = [0, 0, 0];
    const steps = 60_000;
    for (let step = 0; step < steps; step++) {
      const sample = gradient + (sigma / Math.sqrt(live)) * drawNormal(rng);
      first = 0.9 * first + 0.1 * sample;
      second = 0.999 * second + 0.001 * sample * sample;
      if (step >= 10_000) total += first / Math.sqrt(second);
    }
    expect(
      Math.abs(total / (steps - 10_000) / updateProgress(live, (sigma / gradient) ** 2) - 1),
    ).toBeLessThan(0.1);
  }
});
