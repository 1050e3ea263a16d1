import { expect, test } from 'vitest';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { candidateLayouts, chooseLaneLayout } from './lane-layout.ts';

const tiny: ModelConfig = {
  architecture: 'qwen2',
  vocabSize: 64,
  hiddenSize: 64,
  layers: 2,
  heads: 2,
  keyValueHeads: 2,
  headSize: 32,
  intermediateSize: 128,
  normEpsilon: 1e-6,
  ropeTheta: 10_000,
  ropeScaling: null,
  maxPositions: 64,
  tieEmbeddings: true,
  attentionBias: true,
};
const large = { ...tiny, hiddenSize: 512, intermediateSize: 2048 };

const memoryBudgetBytes = 2 ** 31;

test('gives tiny models one lane per processor, at most eight, with one thread each', () => {
  expect(candidateLayouts(tiny, { memoryBudgetBytes }, 2)).toEqual([{ lanes: 2, threads: 1 }]);
  expect(candidateLayouts(tiny, { memoryBudgetBytes }, 64)).toEqual([{ lanes: 8, threads: 1 }]);
});

test('keeps configured values; if these leave only one layout, no measurement is needed', () => {
  expect(candidateLayouts(large, { memoryBudgetBytes, lanes: 3, threads: 5 }, 2)).toEqual([
    { lanes: 3, threads: 5 },
  ]);
  expect(candidateLayouts(large, { memoryBudgetBytes, threads: 4 }, 16)).toEqual([{ lanes: 4, threads: 4 }]);
  expect(candidateLayouts(large, { memoryBudgetBytes, threads: 4 }, 2)).toEqual([{ lanes: 1, threads: 4 }]);
  expect(candidateLayouts(large, { memoryBudgetBytes, lanes: 2 }, 2)).toEqual([{ lanes: 2, threads: 1 }]);
  expect(candidateLayouts(large, { memoryBudgetBytes }, 1)).toEqual([{ lanes: 1, threads: 1 }]);
});

test('gives larger models several threads per lane, never more in total than processors', () => {
  expect(candidateLayouts(large, { memoryBudgetBytes }, 2)).toEqual([
    { lanes: 2, threads: 1 },
    { lanes: 1, threads: 2 },
  ]);
  expect(candidateLayouts(large, { memoryBudgetBytes }, 16)).toEqual([
    { lanes: 8, threads: 1 },
    { lanes: 8, threads: 2 },
    { lanes: 4, threads: 4 },
  ]);
  expect(candidateLayouts(large, { memoryBudgetBytes, lanes: 1 }, 16).at(-1)).toEqual({
    lanes: 1,
    threads: 16,
  });
});

test('gives models that train in layers one lane with all processors', () => {
  const small = { memoryBudgetBytes: 2 ** 27 };
  expect(candidateLayouts(large, small, 16)).toEqual([{ lanes: 1, threads: 16 }]);
  expect(candidateLayouts(large, { ...small, lanes: 4 }, 16)).toEqual([{ lanes: 4, threads: 4 }]);
});

test('measures only once and chooses one of the candidates', async () => {
  const first = chooseLaneLayout(large, { memoryBudgetBytes }, 2);
  expect(chooseLaneLayout(large, { memoryBudgetBytes }, 2)).toBe(first);
  expect(candidateLayouts(large, { memoryBudgetBytes }, 2)).toContainEqual(await first);
});
