import { expect, test } from 'vitest';
import type { ModelConfig } from '../model-files/model-config.ts';
import { rotaryFrequencies } from './rotary-frequencies.ts';

const plain = { headSize: 128, ropeTheta: 500_000, ropeScaling: null } as ModelConfig;

test('computes rotary frequencies that fall from 1 by a constant factor', () => {
  const frequencies = rotaryFrequencies(plain);
  expect(frequencies).toHaveLength(64);
  expect(frequencies[0]).toBe(1);
  expect(frequencies[32]).toBeCloseTo(1 / Math.sqrt(500_000), 12);
});

test('the scaling of Llama 3.1 keeps fast angles, divides slow ones and interpolates between them', () => {
  const ropeScaling = {
    type: 'llama3',
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalMaxPositions: 8192,
  } as const;
  const ratios = rotaryFrequencies({ ...plain, ropeScaling }).map(
    (scaled, i) => scaled / rotaryFrequencies(plain)[i]!,
  );
  expect(ratios[0]).toBe(1);
  expect(ratios.at(-1)).toBeCloseTo(1 / 8, 12);
  expect(ratios.toSorted((a, b) => b - a)).toEqual(ratios);
  // Pair 32 turns 8192 / (2π·√500000) = 1.844 times over the original context: 0.2813 of the way from low to high.
  expect(ratios[32]).toBeCloseTo(0.2813 + (1 - 0.2813) / 8, 3);
});
