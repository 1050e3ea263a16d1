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

test('gives tiny models one lane per processor, at most eight, with one thread each', () => {
  expect(candidateLayouts(tiny, {}, 2)).toEqual([{ lanes: 2, threads: 1 }]);
  expect(candidateLayouts(tiny, {}, 64)).toEqual([{ lanes: 8, threads: 1 }]);
});

test('keeps fixed values and measures nothing when only one layout remains', () => {
  expect(candidateLayouts(large, { lanes: 3, threads: 5 }, 2)).toEqual([{ lanes: 3, threads: 5 }]);
  expect(candidateLayouts(large, { threads: 4 }, 16)).toEqual([{ lanes: 4, threads: 4 }]);
  expect(candidateLayouts(large, { threads: 4 }, 2)).toEqual([{ lanes: 1, threads: 4 }]);
  expect(candidateLayouts(large, { lanes: 2 }, 2)).toEqual([{ lanes: 2, threads: 1 }]);
  expect(candidateLayouts(large, {}, 1)).toEqual([{ lanes: 1, threads: 1 }]);
});

test('gives larger models several threads per lane, never more in total than processors', () => {
  expect(candidateLayouts(large, {}, 2)).toEqual([
    { lanes: 2, threads: 1 },
    { lanes: 1, threads: 2 },
  ]);
  expect(candidateLayouts(large, {}, 16)).toEqual([
    { lanes: 8, threads: 1 },
    { lanes: 8, threads: 2 },
    { lanes: 4, threads: 4 },
  ]);
  expect(candidateLayouts(large, { lanes: 1 }, 16).at(-1)).toEqual({ lanes: 1, threads: 16 });
});

test('measures once and picks one of the candidates', async () => {
  const first = chooseLaneLayout(large, {}, 2);
  expect(chooseLaneLayout(large, {}, 2)).toBe(first);
  expect(candidateLayouts(large, {}, 2)).toContainEqual(await first);
});
