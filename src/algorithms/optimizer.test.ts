import { expect, test } from 'vitest';
import { adamw, learningRateAt, optimizerConfig } from './optimizer.ts';

const rate = (options: Partial<Parameters<typeof adamw>[0]>, step: number, lastStep?: number): number =>
  learningRateAt(optimizerConfig.parse(adamw({ learningRate: 1, ...options })), step, lastStep);

test('the rate rises linearly to its full value at the end of the warm-up', () => {
  expect([1, 2, 3, 4, 5].map((step) => rate({ warmupSteps: 4 }, step))).toEqual([0.25, 0.5, 0.75, 1, 1]);
});

test('a cosine schedule falls from the full rate to a tenth', () => {
  const rates = [1, 50, 100, 101].map((step) => rate({ schedule: 'cosine' }, step, 100));
  expect(rates[0]).toBeCloseTo(1, 3);
  expect(rates[1]).toBeCloseTo(0.55, 1);
  expect(rates[2]).toBeCloseTo(0.1, 6);
  expect(rates[3]).toBeCloseTo(0.1, 6);
});

test('a cosine schedule without a last step stays constant', () => {
  expect(rate({ schedule: 'cosine' }, 1000)).toBe(1);
});
